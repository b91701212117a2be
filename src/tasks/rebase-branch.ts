import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { findPullRequest, type PullRequest } from "../github/pull-request.ts";
import { pushBranch } from "../github/push-branch.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { readMergeable } from "../github/read-mergeable.ts";
import { rebaseCommits } from "../github/rebase-commits.ts";
import { remoteUrlOf } from "../github/remote-url.ts";
import { updateMirror } from "../github/mirror.ts";
import { updateSession } from "../sessions/session-store.ts";
import type { Attempt } from "./attempt.ts";
import { noWork } from "./make-receipt.ts";
import { openWriter } from "./open-writer.ts";
import { resolveConflicts, type Resolved } from "./resolve-conflicts.ts";
import { holderOf, runStep } from "./steps.ts";
import { endOf, type TaskEnd } from "./task-end.ts";

type Onto = { ref: string; sha: string };
type Pushed = { sha: string; pull: PullRequest | null; mergeable: boolean | null };

/**
 * `rebase`: the branch is brought up to its base by the server; where commits collide Claude resolves the files. It is pushed
 * with a lease, and what is claimed is what GitHub itself says of it afterwards.
 */
export async function rebaseBranch(deps: Deps, attempt: Attempt): Promise<TaskEnd> {
  const { claim, start, reader, directory } = attempt;
  const { session, task } = claim;
  if (session.writes !== "own-branch" || !start.branchExists) throw notOurs(session.branch);
  const onto = await findOnto(deps, attempt);
  const { path: mirrorPath } = await updateMirror({
    dataDir: deps.config.dataDir,
    repositoryId: task.repositoryId,
    remoteUrl: attempt.remoteUrl,
    token: reader.token,
    sha: onto.sha,
    signal: attempt.watch.signal,
  });
  await attempt.openMirror();
  const identity = await deps.github.identity(reader.octokit);
  const committer = { name: identity.botLogin, email: identity.commitEmail };
  const rebased = await rebaseCommits({
    ...{ mirrorPath, tempDir: directory, headSha: start.sha, ontoSha: onto.sha, committer },
    date: task.createdAt,
  });
  if (rebased.kind === "up-to-date")
    return endOf.completed({ kind: "up-to-date", onto: onto.ref, sha: onto.sha });
  const resolved: Resolved =
    rebased.kind === "rebased"
      ? {
          kind: "resolved",
          sha: rebased.sha,
          quarantinePath: rebased.quarantinePath,
          work: noWork,
          made: false,
        }
      : await resolveConflicts(deps, attempt, { rebased, mirrorPath, onto, committer });
  if (resolved.kind === "unfinished") return resolved.end;
  attempt.status.update({ phase: "publishing" });
  const pushed = await pushRebased(deps, attempt, resolved);
  await keepHead(deps, attempt, { resolved, onto });
  return {
    ...endOf.completed({
      kind: "rebased",
      onto: onto.ref,
      branch: session.branch,
      conflicts: rebased.kind === "conflict" ? rebased.paths : [],
      ...pushed,
    }),
    work: {
      ...resolved.work,
      remoteSha: pushed.sha,
      branch: session.branch,
      pullNumber: pushed.pull?.number ?? null,
    },
  };
}

/** The base as it stands when the task first looks, so that a later attempt makes the same commits. */
async function findOnto(deps: Deps, attempt: Attempt): Promise<Onto> {
  const { claim, reader, repository } = attempt;
  const ref = claim.session.baseRef ?? claim.task.context.base.ref;
  return runStep<Onto>(deps, holderOf(claim), {
    name: "onto",
    find: () => Promise.resolve(null),
    act: async () => {
      const sha = await readBranchSha(reader.octokit, repository, ref);
      if (sha !== null) return { ref, sha };
      throw new UserError(
        "base-gone",
        `The base branch \`${ref}\` no longer exists.`,
        "Choose another base for the pull request, then write the command again.",
      );
    },
  });
}

async function pushRebased(
  deps: Deps,
  attempt: Attempt,
  resolved: Extract<Resolved, { kind: "resolved" }>,
): Promise<Pushed> {
  const { claim, start, watch } = attempt;
  const { branch } = claim.session;
  return runStep<Pushed>(deps, holderOf(claim), {
    name: `push:${resolved.sha}`,
    find: () => Promise.resolve(null),
    act: async () => {
      watch.throwIfStopped();
      const writer = await openWriter(deps, { claim });
      const repository = { owner: writer.owner, name: writer.name };
      const remoteUrl = remoteUrlOf(deps.config.github.serverUrl, writer);
      try {
        await pushBranch({
          ...{ quarantinePath: resolved.quarantinePath, remoteUrl, token: writer.token },
          ...{ branch, commitSha: resolved.sha, expectedSha: start.sha, signal: watch.signal },
        });
        const sha = await readBranchSha(writer.octokit, repository, branch);
        if (sha !== resolved.sha) throw moved(branch);
        const pull = await findPullRequest(writer.octokit, { repository, branch });
        const mergeable =
          pull === null
            ? null
            : await readMergeable(writer.octokit, {
                ...{ repository, pullNumber: pull.number, headSha: sha, signal: watch.signal },
              });
        return { sha, pull, mergeable };
      } finally {
        await writer.revoke();
      }
    },
  });
}

/**
 * What the sandbox holds became the pushed commit only where the agent made it; after a rebase by the server alone the last
 * turn's own commit stays what its files are held against.
 */
async function keepHead(
  deps: Deps,
  { claim }: Attempt,
  { resolved, onto }: { resolved: Extract<Resolved, { kind: "resolved" }>; onto: Onto },
): Promise<void> {
  await withAccount(deps.db, claim.task.accountId, (tx) =>
    updateSession(tx, {
      sessionId: claim.session.id,
      taskId: claim.task.id,
      fence: claim.fence,
      set: { baseSha: onto.sha, ...(resolved.made ? { headSha: resolved.sha } : {}) },
    }),
  );
}

const notOurs = (branch: string) =>
  new UserError(
    "rebase-not-ours",
    `\`${branch}\` is no branch of this bot that stands on GitHub, and no other is rebased.`,
    "Rebase it by hand, or use GitHub's “Update branch” button.",
  );

const moved = (branch: string) =>
  new UserError(
    "branch-moved",
    `Somebody pushed to \`${branch}\` while it was being rebased, so the rebase was not pushed over theirs.`,
    "Write `/claude rebase` again.",
  );
