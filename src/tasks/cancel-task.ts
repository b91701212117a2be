import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { systemClock } from "../clock.ts";
import type { Queue } from "../queue/queue.ts";
import { recordEnd, type RecordEndDeps } from "./record-end.ts";
import { hasKeptTurn, lockUnheld, noteStop } from "./stop-store.ts";
import { endOf } from "./task-end.ts";
import { endIdleTasks, requestStop, type Task, type TaskScope } from "./task-store.ts";

type CancelDeps = { db: Db; queue: Queue } & Pick<RecordEndDeps, "config">;

/**
 * Ends every open task in scope: one that a worker holds is told to stop and its worker ends it; one that nobody holds, because
 * it is queued, waits, or sleeps between two attempts, ends here. Each ended task gets its final word by a report-task job in
 * the same transaction.
 */
export async function cancelTasks(
  deps: CancelDeps,
  input: { accountId: string; scope: TaskScope; by: string },
): Promise<{ stopping: string[]; ended: string[] }> {
  return withAccount(deps.db, input.accountId, async (tx) => {
    const unheld = await lockUnheld(tx, input);
    for (const task of unheld) await endUnheld(deps, tx, { task, by: input.by });
    const stopping = await requestStop(tx, input);
    const ended = [...unheld.map(({ id }) => id), ...(await endIdleTasks(tx, input))];
    for (const taskId of ended) {
      await deps.queue.enqueue(tx, "report-task", { taskId, accountId: input.accountId });
    }
    return { stopping, ended };
  });
}

async function endUnheld(deps: CancelDeps, tx: Tx, { task, by }: { task: Task; by: string }): Promise<void> {
  await noteStop(tx, { taskId: task.id, by });
  const fault = (await hasKeptTurn(tx, task)) ? "none" : "platform";
  const end = { ...endOf.cancelled(by), fault } as const;
  await recordEnd(deps, tx, { task, end, now: systemClock.now(), over: true });
}
