import type { Deps } from "../deps.ts";
import { withAccount } from "../../db/client.ts";
import { toError } from "../errors.ts";
import { findTask } from "./task-store.ts";

/** Why a running task must stop before it is through. */
export type StopReason = "cancelled" | "drain" | "claim-lost";

export type TaskWatch = {
  signal: AbortSignal;
  /** Null while nobody has asked. */
  reason(): StopReason | null;
  /** Throws when somebody has asked to stop: call it before each effect that others see. A drain lets them be finished. */
  throwIfStopped(): void;
  /** Told by the worker's listener as soon as somebody cancels. */
  cancel(): void;
  /** Told by the worker's listener as soon as somebody comments. */
  steer(): void;
  /** Calls back when there may be new comments for the task, until the returned function is called. */
  onSteered(listener: () => void): () => void;
  close(): void;
};

/** Notifications normally arrive at once; this is for those that were lost with their connection. */
const pollMs = 3_000;

/**
 * Watches over one claim: ends `signal` when the task is cancelled, when another worker has claimed it, or
 * when this worker drains.
 */
export function watchTask(
  deps: Pick<Deps, "db" | "log">,
  input: { taskId: string; accountId: string; fence: number; drain: AbortSignal },
): TaskWatch {
  const controller = new AbortController();
  let reason: StopReason | null = null;
  const stop = (why: StopReason) => {
    reason ??= why;
    controller.abort(new Error(`the task stops: ${reason}`));
  };
  const onDrain = () => stop("drain");
  if (input.drain.aborted) onDrain();
  input.drain.addEventListener("abort", onDrain);
  const steered = new Set<() => void>();
  const steer = () => {
    for (const listener of steered) listener();
  };
  const lookNow = () => {
    steer();
    look(deps, input).then(
      (why) => why !== null && stop(why),
      // A database that is away for a moment is no reason to stop an agent.
      (error: unknown) =>
        deps.log.warn({ err: toError(error), taskId: input.taskId }, "could not look after a running task"),
    );
  };
  // Somebody may have asked between the claim and this watch, when no notification could be taken.
  lookNow();
  const timer = setInterval(lookNow, pollMs);
  return {
    signal: controller.signal,
    reason: () => reason,
    throwIfStopped() {
      if (reason === "cancelled") controller.signal.throwIfAborted();
    },
    cancel: () => stop("cancelled"),
    steer,
    onSteered(listener) {
      steered.add(listener);
      return () => void steered.delete(listener);
    },
    close() {
      clearInterval(timer);
      input.drain.removeEventListener("abort", onDrain);
    },
  };
}

async function look(
  deps: Pick<Deps, "db">,
  input: { taskId: string; accountId: string; fence: number },
): Promise<StopReason | null> {
  const task = await withAccount(deps.db, input.accountId, (tx) => findTask(tx, input.taskId));
  if (task === null || task.fence !== input.fence) return "claim-lost";
  return task.cancelRequestedAt === null ? null : "cancelled";
}
