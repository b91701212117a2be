import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { TransientError, UserError } from "../errors.ts";
import { OperatorError, type SetbackError } from "../sessions/session-fault.ts";
import { recordUsage } from "../usage/usage-store.ts";
import { recordAttemptEnd, type Claim } from "./claim-store.ts";
import { recordSetback, type Setbacks } from "./setback-store.ts";
import { settleEarlier } from "./settle-store.ts";
import { holderOf } from "./steps.ts";
import { endOf, type TaskEnd } from "./task-end.ts";

/** A machine that is lost takes a paid turn with it. */
const maxLost = 3;
/** Longer than the usual outage of a provider, shorter than a person's patience. */
const maxAwayMs = 15 * 60_000;
const firstPauseMs = 1_000;
const maxPauseMs = 30_000;

/** A fault that may pass sends the task back to the queue: TransientError. After too many, or too long, it is the task's end. */
export async function setBack(
  deps: Pick<Deps, "db" | "log">,
  claim: Claim,
  error: SetbackError,
): Promise<TaskEnd> {
  const { task, fence } = claim;
  const setbacks = await withAccount(deps.db, task.accountId, async (tx) => {
    const { id: taskId, accountId, sessionId } = task;
    // Before the next claim writes it down: the ledger takes an attempt once, and this one's work is lost by our fault.
    if (error.kind === "lost") {
      await recordUsage(tx, { taskId, accountId, sessionId, attempt: fence, fault: "platform", over: true });
      await settleEarlier(tx, { task: { ...task, fence }, fault: "platform" });
    }
    await recordAttemptEnd(tx, { taskId, fence, ended: "transient" });
    return recordSetback(tx, holderOf(claim), error.kind);
  });
  const next = afterSetback(setbacks, error);
  if (next.kind === "retry") {
    const { retryAfterMs } = next;
    throw new TransientError(error.message, { cause: error, retryAfterMs });
  }
  deps.log.error({ err: error, setbacks }, "a task was set back too often");
  const { cause } = error;
  if (cause instanceof UserError)
    return endOf.refused(new OperatorError(cause.code, cause.message, cause.remedy, { cause }));
  return endOf.setBack(next.message, task.id);
}

/** What follows from the setbacks so far. */
export function afterSetback(
  { lost, away, awayMs }: Setbacks,
  error: Pick<SetbackError, "kind" | "what" | "retryAfterMs">,
): { kind: "retry"; retryAfterMs: number } | { kind: "end"; message: string } {
  if (error.kind === "lost" && lost >= maxLost)
    return { kind: "end", message: `The sandbox was lost ${lost} times during this task, so it was ended.` };
  if (error.kind === "away" && awayMs >= maxAwayMs) {
    const minutes = Math.floor(awayMs / 60_000);
    const what = `${error.what.slice(0, 1).toUpperCase()}${error.what.slice(1)}`;
    return {
      kind: "end",
      message: `${what} could not be used for ${minutes} minutes, so the task was ended.`,
    };
  }
  const pauseMs = firstPauseMs * 2 ** Math.min(10, Math.max(0, away - 1));
  return {
    kind: "retry",
    retryAfterMs: Math.min(maxPauseMs, Math.max(pauseMs, error.retryAfterMs ?? 0)),
  };
}
