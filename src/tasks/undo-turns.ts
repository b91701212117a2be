import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { toPublicMarkdown } from "../github/outgoing-text.ts";
import { pushBranch } from "../github/push-branch.ts";
import { openQuarantine } from "../github/quarantine.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { findPullRequest, type PullRequest } from "../github/pull-request.ts";
import { revertCommits } from "../github/revert-commits.ts";
import { mirrorHas } from "../github/mirror.ts";
import type { Attempt } from "./attempt.ts";
import { commitMessage } from "./commit-message.ts";
import { assertFence } from "./fence-store.ts";
import { noWork } from "./make-receipt.ts";
import { openWriter } from "./open-writer.ts";
import { holderOf, runStep } from "./steps.ts";
import { endOf, type TaskEnd } from "./task-end.ts";
import { listPublishedTurns, markUndone, type PublishedTurn } from "./undo-store.ts";

type Undo = {
  turns: PublishedTurn[];
  how: "reset" | "revert";
  sha: string;
  pull: PullRequest | null;
};

/**
 * `undo [n]`: branch, sandbox and conversation go back by n turns together. The branch is moved back, or, where others
 * have pushed onto it or nothing would be left of it, a commit takes the turns back.
 */
export async function undoTurns(deps: Deps, attempt: Attempt): Promise<TaskEnd> {
  const { claim, start } = attempt;
  const { task, session } = claim;
  if (session.writes !== "own-branch") throw notOurs(session.branch);
  const turns = await withAccount(deps.db, task.accountId, (tx) =>
    listPublishedTurns(tx, {
      sessionId: session.id,
      before: task.id,
      limit: task.options.undoTurns ?? 1,
    }),
  );
  const oldest = turns.at(-1);
  if (oldest === undefined || !start.branchExists)
    return endOf.completed({ kind: "no-changes", text: say(deps, "There is no turn here to take back.") });
  attempt.status.update({ phase: "publishing" });
  const undone = await runStep<Undo>(deps, holderOf(claim), {
    name: "undo",
    find: () => Promise.resolve(null),
    act: () => takeBack(deps, attempt, turns),
  });
  await withAccount(deps.db, task.accountId, async (tx) => {
    await assertFence(tx, { taskId: task.id, fence: claim.fence });
    // Where the oldest turn began: what the checkpoint before it became.
    await markUndone(tx, {
      ...{ sessionId: session.id, oldestTaskId: oldest.taskId, undoTaskId: task.id },
      headSha: oldest.parentSha,
    });
  });
  const { pull } = undone;
  return {
    ...endOf.completed({
      kind: "undone",
      turns: undone.turns.map(({ title, sha }) => ({ title, sha })),
      how: undone.how,
      branch: session.branch,
      sha: undone.sha,
      pull,
    }),
    work: {
      ...noWork,
      remoteSha: undone.sha,
      branch: session.branch,
      pullNumber: pull?.number ?? null,
    },
  };
}

async function takeBack(deps: Deps, attempt: Attempt, turns: PublishedTurn[]): Promise<Undo> {
  const { claim, start, repository, directory } = attempt;
  const mirrorPath = (await attempt.openMirror()).path;
  const target = turns.at(-1)?.parentSha ?? start.sha;
  const lined = [start.sha, ...turns.map(({ parentSha }) => parentSha)];
  // A branch without a commit of its own would close its pull request.
  const how =
    turns.every(({ sha }, at) => sha === lined[at]) && target !== claim.session.baseSha ? "reset" : "revert";
  const built =
    how === "reset"
      ? { sha: target, ...(await openQuarantine({ mirrorPath, tempDir: directory, parentSha: target })) }
      : await revert(deps, attempt, { turns, mirrorPath });
  const writer = await openWriter(deps, { claim, repository });
  try {
    const { branch } = claim.session;
    const outcome = await pushBranch({
      quarantinePath: built.path,
      remoteUrl: attempt.remoteUrl,
      token: writer.token,
      branch,
      commitSha: built.sha,
      expectedSha: start.sha,
      signal: attempt.watch.signal,
    });
    const standing = await readBranchSha(writer.octokit, repository, branch);
    if (standing === built.sha) {
      const pull = await findPullRequest(writer.octokit, { repository, branch });
      return { turns, how, sha: built.sha, pull };
    }
    throw moved(branch, outcome.pushed ? "it moved on at once" : outcome.detail);
  } finally {
    await writer.revoke();
  }
}

async function revert(
  deps: Deps,
  { claim, start, directory, reader }: Attempt,
  { turns, mirrorPath }: { turns: PublishedTurn[]; mirrorPath: string },
): Promise<{ sha: string; path: string }> {
  for (const { sha, parentSha, title } of turns) {
    const there = (await mirrorHas(mirrorPath, sha)) && (await mirrorHas(mirrorPath, parentSha));
    if (!there) throw rewritten(title);
  }
  const identity = await deps.github.identity(reader.octokit);
  const { task, session } = claim;
  const titles = turns.map(({ title }) => title);
  const [only] = titles;
  const reverted = await revertCommits({
    mirrorPath,
    tempDir: directory,
    headSha: start.sha,
    commits: turns,
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

const say = ({ config, redact }: Pick<Deps, "config" | "redact">, text: string) =>
  toPublicMarkdown(text, { allowedHosts: [new URL(config.github.serverUrl).host], redact });

const notOurs = (branch: string) =>
  new UserError(
    "undo-not-ours",
    `\`${branch}\` is a person's branch, and only branches of this bot are moved back.`,
    "Revert the commit by hand, or write `/claude` and what to take back.",
  );

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
