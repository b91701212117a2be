import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { readParent } from "../github/mirror-files.ts";
import { findPullRequest, type PullRequest } from "../github/pull-request.ts";
import { pushBranch } from "../github/push-branch.ts";
import { openQuarantine } from "../github/quarantine.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { remoteUrlOf } from "../github/remote-url.ts";
import { revertCommits } from "../github/revert-commits.ts";
import type { Attempt } from "./attempt.ts";
import { commitMessage } from "./commit-message.ts";
import { openWriter } from "./open-writer.ts";
import type { PublishedTurn } from "./undo-store.ts";

type Commit = { sha: string; parentSha: string };

/** Plain data: the result of a step. */
export type TakenBack = {
  turns: PublishedTurn[];
  /** What the checkpoint before them had become. */
  madeSha: string;
  how: "reset" | "revert";
  sha: string;
  pull: PullRequest | null;
};

/** Moves the branch back, or puts a commit on it that takes the turns back; pushed with a lease for a person who may still write. */
export async function takeBack(
  deps: Deps,
  attempt: Attempt,
  { turns, madeSha }: { turns: PublishedTurn[]; madeSha: string | null },
): Promise<TakenBack> {
  const { claim, start, directory } = attempt;
  const mirrorPath = (await attempt.openMirror()).path;
  const commits = await readCommits(mirrorPath, turns);
  const target = commits.at(-1)?.parentSha ?? start.sha;
  const lined = [start.sha, ...commits.map(({ parentSha }) => parentSha)];
  // A branch without a commit of its own would close its pull request.
  const how =
    commits.every(({ sha }, at) => sha === lined[at]) && target !== claim.session.baseSha
      ? "reset"
      : "revert";
  const built =
    how === "reset"
      ? { sha: target, ...(await openQuarantine({ mirrorPath, tempDir: directory, parentSha: target })) }
      : await revert(deps, attempt, { turns, commits, mirrorPath });
  attempt.watch.throwIfStopped();
  const writer = await openWriter(deps, { claim });
  const repository = { owner: writer.owner, name: writer.name };
  try {
    const { branch } = claim.session;
    const outcome = await pushBranch({
      quarantinePath: built.path,
      remoteUrl: remoteUrlOf(deps.config.github.serverUrl, writer),
      token: writer.token,
      branch,
      commitSha: built.sha,
      expectedSha: start.sha,
      signal: attempt.watch.signal,
    });
    const standing = await readBranchSha(writer.octokit, repository, branch);
    if (standing === built.sha) {
      const pull = await findPullRequest(writer.octokit, { repository, branch });
      return { turns, madeSha: madeSha ?? target, how, sha: built.sha, pull };
    }
    throw moved(branch, outcome.pushed ? "it moved on at once" : outcome.detail);
  } finally {
    await writer.revoke();
  }
}

/** The commits of these turns, the newest first, each with what it was really pushed onto: a person's commit, perhaps. */
async function readCommits(mirrorPath: string, turns: readonly PublishedTurn[]): Promise<Commit[]> {
  const commits: Commit[] = [];
  for (const { title, shas } of turns) {
    for (const sha of shas.toReversed()) {
      const parentSha = await readParent(mirrorPath, sha);
      if (parentSha === null) throw rewritten(title);
      commits.push({ sha, parentSha });
    }
  }
  return commits;
}

async function revert(
  deps: Deps,
  { claim, start, directory, reader }: Attempt,
  { turns, commits, mirrorPath }: { turns: PublishedTurn[]; commits: Commit[]; mirrorPath: string },
): Promise<{ sha: string; path: string }> {
  const identity = await deps.github.identity(reader.octokit);
  const { task, session } = claim;
  const titles = turns.map(({ title }) => title);
  const [only] = titles;
  const reverted = await revertCommits({
    mirrorPath,
    tempDir: directory,
    headSha: start.sha,
    commits,
    author: { name: identity.botLogin, email: identity.commitEmail },
    date: task.createdAt,
    message: commitMessage({
      title: titles.length === 1 && only !== undefined ? `Revert "${only}"` : `Revert ${titles.length} turns`,
      summary: titles.length === 1 ? null : titles.map((title) => `- ${title}`).join("\n"),
      taskId: task.id,
      sessionId: session.id,
      requester: { id: task.requesterId, login: task.requesterLogin },
      serverUrl: deps.config.github.serverUrl,
    }),
  });
  switch (reverted.kind) {
    case "reverted":
      return { sha: reverted.commitSha, path: reverted.quarantinePath };
    case "nothing-left":
      throw new UserError(
        "undone-already",
        "Somebody has already taken that work back, so nothing was pushed.",
        "Write `/claude` and what to do next.",
      );
    case "conflict":
      throw new UserError(
        "undo-conflict",
        `Later commits stand on that work in ${reverted.paths
          .slice(0, 5)
          .map((path) => `\`${path.replaceAll("`", "")}\``)
          .join(", ")}, so nothing was taken back.`,
        "Tell Claude what to take back: `/claude take back … but keep …`.",
      );
  }
}

const moved = (branch: string, detail: string) =>
  new UserError(
    "branch-moved",
    `Somebody pushed to \`${branch}\` at this very moment, so nothing was taken back.`,
    "Write `/claude undo` again.",
    { cause: new Error(detail) },
  );

const rewritten = (title: string) =>
  new UserError(
    "undo-rewritten",
    `The history of this branch has been rewritten since “${title}”, so it cannot be taken back by itself.`,
    "Write `/claude` and what to take back.",
  );
