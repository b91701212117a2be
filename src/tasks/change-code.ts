import type { Deps } from "../deps.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import type { Attempt } from "./attempt.ts";
import { publish, type Published } from "./publish.ts";
import { takeTurn } from "./take-turn.ts";
import { endOf, type TaskEnd } from "./task-end.ts";
import { readTurnResult, type TurnResult } from "./turn-result.ts";
import { toUnfinishedEnd } from "./unfinished-end.ts";
import { workOf } from "./make-receipt.ts";

/** The agent changes the code; what it changed is pushed and stands in a pull request. */
export async function changeCode(deps: Deps, attempt: Attempt): Promise<TaskEnd> {
  const { claim, watch, reader, status, start, timeoutMs } = attempt;
  const { run, checkpoint } = await takeTurn(deps, attempt);
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
    directory: attempt.directory,
    mirrorPath: (await attempt.openMirror()).path,
    parentSha: start.sha,
    branchExists: start.branchExists,
    repository: attempt.repository,
    remoteUrl: attempt.remoteUrl,
    result: turn,
    at: new Date(run.endedAt),
  });
  return toEnd(deps, run, turn, published);
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
