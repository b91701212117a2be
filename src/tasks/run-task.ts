import type { TaskQuestion } from "../../db/schema.ts";
import { isConnectionError, withAccount, type Tx } from "../../db/client.ts";
import { billingTermsOf } from "../billing/billing-terms.ts";
import { crashPoint } from "../crash-point.ts";
import type { Deps } from "../deps.ts";
import { FencedError, TransientError, UserError } from "../errors.ts";
import { toGitHubError } from "../github/github-error.ts";
import { SetbackError, toSandboxFault } from "../sessions/session-fault.ts";
import type { JobContext } from "../queue/jobs.ts";
import { recordUsage } from "../usage/usage-store.ts";
import { closeLeg } from "./close-leg.ts";
import { endInTime } from "./end-in-time.ts";
import { endLate } from "./end-late.ts";
import { giveUpMachine } from "./give-up-machine.ts";
import { recordEnd } from "./record-end.ts";
import { endOf, type TaskEnd, type TaskPause } from "./task-end.ts";
import { reportTask } from "./report-task.ts";
import { setBack } from "./set-back.ts";
import { settleEarlier } from "./settle-store.ts";
import { claimOrWait } from "./claim-or-wait.ts";
import { recordAttemptEnd, type Claim, type ClaimResult } from "./claim-store.ts";
import { assertFence, updateClaimed } from "./fence-store.ts";
import { endTask, findTask, type Task } from "./task-store.ts";
import { watchTask, type TaskWatch } from "./task-watch.ts";
import { workOnTask } from "./work-on-task.ts";

/** The claims of this worker by task id, for the listener that hears of cancellations. */
export type RunningTasks = Map<string, TaskWatch>;

type TaskRef = { taskId: string; accountId: string };

const maxFailures = 3;

/** The story of a task: claim it, work on it, end it, say how it ended. Safe to be called again at any point. */
export async function runTask(
  deps: Deps,
  running: RunningTasks,
  ref: TaskRef,
  context: JobContext,
): Promise<void> {
  const claim = await claimOrWait(deps, ref, context);
  if (!claim.ok) return endUnclaimed(deps, ref, claim);
  await crashPoint("claimed", ref.taskId);
  await deps.queue.enqueue(deps.system, "show-places", { accountId: ref.accountId });
  const watch = watchTask(deps, { ...ref, fence: claim.fence, drain: context.signal });
  running.set(ref.taskId, watch);
  const log = deps.log.child({ taskId: ref.taskId, sessionId: claim.session.id, fence: claim.fence });
  const since = performance.now();
  let paused = false;
  try {
    const work = workOnTask({ ...deps, log }, claim, watch).catch((error: unknown) =>
      toEnd({ ...deps, log }, claim, watch, error),
    );
    const end = await endInTime(work, watch);
    if (end === "overdue") {
      const by = await canceller(deps, claim.task);
      await endLate({ ...deps, log }, { claim, by, work });
      return;
    }
    await finish(deps, claim, end);
    await crashPoint("ended", ref.taskId);
    paused = end.status === "waiting";
    log.info(
      {
        outcome: "outcome" in end ? end.outcome.kind : end.question.kind,
        status: end.status,
        durationMs: Math.round(performance.now() - since),
      },
      "task ended",
    );
  } finally {
    watch.close();
    running.delete(ref.taskId);
  }
  if (!paused) await reportTask(deps, ref);
}

async function endUnclaimed(
  deps: Deps,
  ref: TaskRef,
  claim: Extract<ClaimResult, { ok: false }>,
): Promise<void> {
  if (claim.reason === "missing" || claim.reason === "waiting") return;
  if (claim.reason === "cancelled" || claim.reason === "failed-too-often") {
    const end: TaskEnd =
      claim.reason === "cancelled"
        ? endOf.cancelled(claim.task.cancelRequestedBy ?? "somebody")
        : endOf.failedTooOften(claim.task.id);
    await withAccount(deps.db, ref.accountId, (tx) =>
      recordEnd(deps, tx, { task: claim.task, end, now: deps.clock.now() }),
    );
  }
  await reportTask(deps, ref);
}

/** The end and its usage are one transaction, guarded by the fence: a worker that was overtaken writes neither. */
async function finish(deps: Deps, claim: Claim, end: TaskEnd | TaskPause): Promise<void> {
  const { task, fence } = claim;
  await withAccount(deps.db, task.accountId, async (tx) => {
    await assertFence(tx, { taskId: task.id, fence });
    if (end.status === "waiting") await waitForAnswer(deps, tx, { claim, question: end.question });
    else
      await recordEnd(deps, tx, {
        task: { ...task, fence },
        end,
        now: deps.clock.now(),
      });
  });
}

/** The leg is over and paid for; the job ends, and whoever answers makes the next one. */
async function waitForAnswer(
  deps: Deps,
  tx: Tx,
  { claim, question }: { claim: Claim; question: TaskQuestion },
): Promise<void> {
  const { id: taskId, accountId, sessionId } = claim.task;
  await recordUsage(tx, { taskId, accountId, sessionId, attempt: claim.fence, fault: "none" });
  await settleEarlier(tx, { task: { ...claim.task, fence: claim.fence }, fault: "none" });
  const terms = billingTermsOf(deps.config);
  await closeLeg(tx, {
    ...{ task: claim.task, lost: false, terms, now: deps.clock.now() },
    end: { kind: question.kind === "cost" ? "budget" : "waiting" },
    defaultMonthMicroUsd: deps.config.limits.accountMonthMicroUsd,
  });
  if (terms.billing === "on") await deps.queue.enqueue(tx, "send-charges", {});
  await updateClaimed(tx, { taskId, fence: claim.fence, set: { status: "waiting", question, answer: null } });
  await deps.queue.enqueue(tx, "report-task", { taskId, accountId });
}

/**
 * What an error means: a person's matter ends the task, a passing one goes back to the queue (one of the sandbox
 * or the storage not for ever), and an unknown one goes back until it has happened three times.
 */
async function toEnd(deps: Deps, claim: Claim, watch: TaskWatch, thrown: unknown): Promise<TaskEnd> {
  const { task, fence } = claim;
  const error = toSandboxFault(toGitHubError(thrown, "working on a task"));
  if (error instanceof FencedError || watch.reason() === "claim-lost")
    throw new FencedError(`task ${task.id} has another worker`, { cause: error });
  if (watch.reason() === "cancelled") {
    if (error instanceof SetbackError && error.what === "the sandbox") await giveUpMachine(deps, task);
    return endOf.cancelled(await canceller(deps, task));
  }
  if (watch.reason() === "drain") {
    await withAccount(deps.db, task.accountId, (tx) =>
      recordAttemptEnd(tx, { taskId: task.id, fence, ended: "drain" }),
    );
    throw new TransientError("the worker drains; another one goes on with the task", { cause: error });
  }
  if (error instanceof UserError) {
    deps.log.warn({ err: error }, "a task cannot go on");
    return endOf.refused(error);
  }
  if (error instanceof SetbackError) return await setBack(deps, claim, error);
  const passing = error instanceof TransientError || isConnectionError(error);
  const { failures } = await withAccount(deps.db, task.accountId, (tx) =>
    recordAttemptEnd(tx, { taskId: task.id, fence, ended: passing ? "transient" : "error" }),
  );
  if (passing || failures < maxFailures) throw error;
  deps.log.error({ err: error }, "a task failed for good");
  return endOf.failedTooOften(task.id);
}

async function canceller(deps: Deps, task: Task): Promise<string> {
  const now = await withAccount(deps.db, task.accountId, (tx) => findTask(tx, task.id));
  return now?.cancelRequestedBy ?? "somebody";
}

/** The queue has given a task up; it must not stay open for ever. */
export async function giveUpTask(deps: Deps, ref: TaskRef, error: string): Promise<void> {
  deps.log.error({ error, ...ref }, "the queue gave a task up");
  await withAccount(deps.db, ref.accountId, (tx) =>
    endTask(tx, { taskId: ref.taskId, ...endOf.failedTooOften(ref.taskId) }),
  );
  await reportTask(deps, ref);
}
