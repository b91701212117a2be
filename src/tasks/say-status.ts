import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { FencedError, toError } from "../errors.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { createComment, editComment, findComment } from "../github/say.ts";
import type { StatusPhase, StatusView } from "../github/status-comment.ts";
import { sumTaskUsage } from "../usage/usage-store.ts";
import type { StepHolder } from "./step-store.ts";
import { holderOf, runStep } from "./steps.ts";
import { pauseFor } from "./pause-for.ts";
import { withThread } from "./with-thread.ts";
import { renderStatus } from "./render-status.ts";
import { toQueuedPhase } from "./status-phase.ts";
import type { Claim } from "./claim-store.ts";
import { assertFence } from "./fence-store.ts";
import type { Place } from "./place-store.ts";
import { findTask, type Task } from "./task-store.ts";

export type SayDeps = Pick<Deps, "db" | "system" | "github" | "log">;

type Thread = { task: Task; client: Pick<RepositoryClient, "octokit" | "owner" | "name"> };

const threadOf = ({ task, client }: Thread) => ({
  installationId: task.installationId,
  repository: { owner: client.owner, name: client.name },
  issueNumber: task.issueNumber,
});

type StatusComment = { commentId: number };

/** The id of the task's one status comment, written now if it was not before. */
export async function ensureStatusComment(
  deps: SayDeps,
  thread: Thread & { holder: StepHolder; phase: StatusPhase },
): Promise<StatusComment & { written: boolean }> {
  const { task, client, holder } = thread;
  const { botId } = await deps.github.identity(client.octokit);
  let written = false;
  const { commentId } = await runStep<StatusComment>(deps, holder, {
    name: "status-comment",
    find: async () => {
      const found = await findComment(client.octokit, {
        ...threadOf(thread),
        kind: "task",
        key: task.id,
        botId,
        since: task.createdAt,
      });
      return found === null ? null : { commentId: found };
    },
    act: async () => {
      const body = await renderStatus(deps, task, thread);
      written = true;
      return {
        commentId: await createComment(deps, client.octokit, {
          ...threadOf(thread),
          body,
          urgency: "firstStatus",
        }),
      };
    },
  });
  return { commentId, written };
}

/** Tells the thread that a task has to wait, and for what. Silent when its run has begun meanwhile. */
export async function sayQueued(
  deps: SayDeps,
  client: Thread["client"],
  { task, place }: { task: Task; place: Place },
): Promise<void> {
  const holder = { taskId: task.id, accountId: task.accountId, fence: task.fence };
  try {
    const phase = toQueuedPhase(place);
    const { commentId, written } = await ensureStatusComment(deps, { task, client, holder, phase });
    if (written) return;
    const body = await renderStatus(deps, task, { phase });
    await editComment(deps, client.octokit, { ...threadOf({ task, client }), commentId, body });
  } catch (error) {
    if (!(error instanceof FencedError)) throw error;
  }
}

/** The same for a task that a worker has taken up and cannot start, because the account's slots are busy. */
export async function sayWaiting(
  deps: SayDeps,
  ref: { taskId: string; accountId: string },
  place: Place,
): Promise<void> {
  const task = await withAccount(deps.db, ref.accountId, (tx) => findTask(tx, ref.taskId));
  if (task === null) return;
  await withThread(deps, task, (client) => sayQueued(deps, client, { task, place }));
}

export type StatusUpdate = {
  phase?: "running" | "testing" | "publishing";
  /** The command that the phase "testing" is at. */
  testing?: string;
  todos?: StatusView["todos"];
  notices?: Task["notices"];
  /** Where the session's branch stood when it was last read back from GitHub. */
  verifiedSha?: string;
};

export type Status = {
  /** Says something new at the next edit. */
  update: (update: StatusUpdate) => void;
  /** Ends the edits; a late one would overwrite the last word. */
  close(): Promise<void>;
};

/** GitHub's readers are people; more edits than this would only cost the installation's pace. */
const editEveryMs = 10_000;

/**
 * Keeps the status comment up to date beside the work, never in its way: a comment that cannot be written now is
 * logged, and the last word is said by its own job, which is tried again.
 */
export function openStatus(
  deps: SayDeps,
  input: { claim: Claim; client: RepositoryClient; signal: AbortSignal },
): Status {
  const { claim, client } = input;
  let { task } = claim;
  const since = performance.now();
  let todos: StatusView["todos"] = task.todos ?? [];
  let phase: "starting" | "running" | "testing" | "publishing" = "starting";
  let testing: string | null = null;
  let verifiedSha = claim.session.headSha;
  const closing = new AbortController();
  // The last word about a stopped task may come before its attempt is at its end.
  input.signal.addEventListener("abort", () => closing.abort(), { once: true });

  const now = async (): Promise<StatusPhase> => {
    if (phase === "starting") return { kind: "starting", step: "preparing the sandbox" };
    const { spent, current } = await withAccount(deps.db, task.accountId, async (tx) => ({
      spent: await sumTaskUsage(tx, { taskId: task.id, accountId: task.accountId }),
      current: await findTask(tx, task.id),
    }));
    return {
      kind: "running",
      elapsedMs: performance.now() - since,
      costMicroUsd: spent.costMicroUsd,
      budgetMicroUsd: current?.budgetMicroUsd ?? task.budgetMicroUsd,
      branch: claim.session.branch,
      verifiedSha,
      ...(phase === "testing" ? { testing } : {}),
    };
  };
  const keep = async (): Promise<void> => {
    const { commentId } = await ensureStatusComment(deps, {
      task,
      client,
      holder: holderOf(claim),
      phase: await now(),
    });
    while (await pauseFor(editEveryMs, closing.signal)) {
      const body = await renderStatus(deps, task, { phase: await now(), todos });
      // A worker that slept through its task's end must not say that it runs.
      await withAccount(deps.db, task.accountId, (tx) => assertFence(tx, holderOf(claim)));
      await editComment(deps, client.octokit, {
        ...threadOf({ task, client }),
        commentId,
        body,
        signal: closing.signal,
      });
    }
  };
  const done = keep().catch((error: unknown) => {
    if (closing.signal.aborted || error instanceof FencedError) return;
    deps.log.warn(
      { err: toError(error), taskId: task.id },
      "the status comment could not be kept up to date",
    );
  });
  return {
    update(update) {
      phase = update.phase ?? phase;
      testing = update.testing ?? testing;
      verifiedSha = update.verifiedSha ?? verifiedSha;
      todos = update.todos ?? todos;
      task = { ...task, notices: { ...task.notices, ...update.notices } };
    },
    async close() {
      closing.abort();
      await done;
    },
  };
}
