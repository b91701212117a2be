import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { giveUpMachine } from "./give-up-machine.ts";
import { recordEnd } from "./record-end.ts";
import { reportTask } from "./report-task.ts";
import { hasKeptTurn, lockStopping, raiseFence } from "./stop-store.ts";
import { endOf } from "./task-end.ts";

/**
 * Ends a stopped task whose worker has not ended it, because that worker is dead or its hands are bound: raises the fence, so
 * that it can write nothing more, and has the session's machine ended, in which its agent may still run. The next task goes on
 * from the last checkpoint. Nothing happens to a task that has ended meanwhile.
 */
export async function endOverdue(
  deps: Deps,
  ref: { taskId: string; accountId: string },
): Promise<"ended" | "was-over"> {
  const sessionId = await withAccount(deps.db, ref.accountId, async (tx) => {
    const task = await lockStopping(tx, ref);
    if (task === null) return null;
    const fault = (await hasKeptTurn(tx, task)) ? "none" : "platform";
    const end = { ...endOf.cancelled(task.cancelRequestedBy ?? "somebody"), fault } as const;
    await recordEnd(deps, tx, { task, end, now: deps.clock.now(), over: true });
    await raiseFence(tx, task.id);
    return task.sessionId;
  });
  if (sessionId === null) return "was-over";
  deps.log.warn({ taskId: ref.taskId }, "a stopped task was ended without its worker");
  await giveUpMachine(deps, { sessionId });
  await reportTask(deps, ref);
  return "ended";
}
