import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import { endOverdue } from "./end-overdue.ts";
import type { RunningTasks } from "./run-task.ts";
import { findStopping } from "./stop-store.ts";

/** Within the 5 s of a stop, and after a worker that lives would have ended the task. */
const overdueMs = 3_700;

/** A worker's answer to a cancellation: its own task stops; one of another worker is looked after once that should have ended it. */
export function hearStop(deps: Deps, running: RunningTasks, taskId: string): void {
  const watch = running.get(taskId);
  if (watch !== undefined) {
    watch.cancel();
    return;
  }
  const lookAfter = async (): Promise<void> => {
    const found = await findStopping(deps.system, taskId);
    if (found !== null) await endOverdue(deps, { taskId, accountId: found.accountId });
  };
  setTimeout(() => {
    lookAfter().catch((error: unknown) => {
      deps.log.warn({ err: toError(error), taskId }, "could not look after a stopped task");
    });
  }, overdueMs).unref();
}
