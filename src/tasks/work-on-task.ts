import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { type Mirror, updateMirror } from "../github/mirror.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import { updateSession } from "../sessions/session-store.ts";
import { noWork, type WorkFacts } from "./make-receipt.ts";
import { publish, type Published } from "./publish.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { takeTurn } from "./take-turn.ts";
import { openStatus, type Status } from "./say-status.ts";
import { holderOf, runStep } from "./steps.ts";
import { endOf, type TaskEnd } from "./task-end.ts";
import type { Claim } from "./claim-store.ts";
import type { TaskWatch } from "./task-watch.ts";
import { readTurnResult, type TurnResult } from "./turn-result.ts";
import { toUnfinishedEnd } from "./unfinished-end.ts";

/** One attempt, from the claim to the pull request. Every effect in it is a step that a later attempt finds done. */
export async function workOnTask(deps: Deps, claim: Claim, watch: TaskWatch): Promise<TaskEnd> {
  const { task } = claim;
  const reader = await deps.github.openRepository({
    installationId: task.installationId,
    repositoryId: task.repositoryId,
    permissions: { contents: "read", issues: "write" },
  });
  const status = openStatus(deps, { claim, client: reader, signal: watch.signal });
  const directory = join(deps.config.dataDir, "tmp", `task-${task.id}-${claim.fence}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await workInRepository(deps, { claim, watch, reader, status, directory });
  } finally {
    await status.close();
    await reader.revoke();
    await rm(directory, { recursive: true, force: true });
  }
}

type Attempt = {
  claim: Claim;
  watch: TaskWatch;
  reader: RepositoryClient;
  status: Status;
  /** For the files of this attempt; gone when it is over. */
  directory: string;
};

async function workInRepository(deps: Deps, attempt: Attempt): Promise<TaskEnd> {
  const { claim, watch, reader, status, directory } = attempt;
  const repository = { owner: reader.owner, name: reader.name };
  const remoteUrl = `${deps.config.github.serverUrl}/${repository.owner}/${repository.name}.git`;
  const start = await findStart(deps, claim, () =>
    readBranchSha(reader.octokit, repository, claim.session.branch),
  );
  let mirror: Promise<Mirror> | null = null;
  const openMirror = () =>
    (mirror ??= updateMirror({
      dataDir: deps.config.dataDir,
      repositoryId: claim.task.repositoryId,
      remoteUrl,
      token: reader.token,
      sha: start.sha,
      signal: watch.signal,
    }));
  const timeoutMs = timeoutOf(deps, claim);
  const { run, checkpoint } = await takeTurn(deps, {
    ...{ claim, watch, status, reader, openMirror, remoteUrl, directory, timeoutMs },
    startSha: start.sha,
  });
  if (run.outcome.kind !== "finished")
    return { ...toUnfinishedEnd(run, { task: claim.task, timeoutMs }), work: workOf(run) };
  // The turn is kept; whoever stopped the task does not want it published.
  if (watch.reason() === "cancelled") watch.signal.throwIfAborted();
  status.update({ phase: "publishing" });
  const turn = readTurnResult(deps, run);
  const published = await publish(deps, {
    claim,
    reader: reader.octokit,
    checkpoint,
    directory,
    mirrorPath: (await openMirror()).path,
    parentSha: start.sha,
    branchExists: start.branchExists,
    repository,
    remoteUrl,
    result: turn,
    at: new Date(run.endedAt),
  });
  return toEnd(deps, run, turn, published);
}

const timeoutOf = (deps: Deps, claim: Claim): number =>
  claim.task.options.timeoutMs ?? deps.config.limits.taskTimeoutMs;

type Start = { sha: string; branchExists: boolean };

/**
 * Where the work starts: our branch as it stands on GitHub, which people may have pushed to, else the base as it
 * was at the trigger. A step, so that a later attempt of the same task starts from the same commit.
 */
async function findStart(deps: Deps, claim: Claim, readBranch: () => Promise<string | null>): Promise<Start> {
  const { session, task } = claim;
  return runStep<Start>(deps, holderOf(claim), {
    name: "start",
    find: () => Promise.resolve(null),
    act: async () => {
      const pushed = session.headSha === null ? null : await readBranch();
      const baseSha = session.baseSha ?? task.context.base.sha;
      await withAccount(deps.db, task.accountId, (tx) =>
        updateSession(tx, {
          sessionId: session.id,
          taskId: task.id,
          fence: claim.fence,
          set: { baseSha, baseRef: session.baseRef ?? task.context.base.ref },
        }),
      );
      return pushed === null ? { sha: baseSha, branchExists: false } : { sha: pushed, branchExists: true };
    },
  });
}

function toEnd(
  deps: Pick<Deps, "redact">,
  run: AgentRun,
  { text }: TurnResult,
  published: Published,
): TaskEnd {
  if (published.kind === "unchanged")
    return { ...endOf.completed({ kind: "no-changes", text }), work: workOf(run) };
  const { commit } = published;
  const leftOut = {
    files: commit.leftOut,
    patch: commit.leftOutPatch === null ? null : deps.redact(commit.leftOutPatch),
  };
  if (published.kind === "left-out")
    return { ...endOf.completed({ kind: "left-out", text, leftOut }), work: workOf(run) };
  const { title, branch, remoteSha: sha, pull } = published;
  return {
    ...endOf.completed({ kind: "published", title, branch, sha, pull, text, leftOut }),
    work: {
      ...workOf(run),
      remoteSha: sha,
      branch,
      pullNumber: pull?.number ?? null,
      // git counts no lines in a binary file.
      files: commit.files.map(({ path, additions, deletions }) => ({
        path,
        additions: additions ?? 0,
        deletions: deletions ?? 0,
      })),
    },
  };
}

const workOf = (run: AgentRun): WorkFacts => ({ ...noWork, commands: [...run.commands] });
