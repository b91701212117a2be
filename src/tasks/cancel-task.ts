import { withAccount, type Db } from "../../db/client.ts";
import type { Queue } from "../queue/queue.ts";
import { endIdleTasks, requestStop, type TaskScope } from "./task-store.ts";

/**
 * Ends every open task in scope: a running one is told to stop and its worker ends it, a queued or waiting one
 * ends here. Each ended task gets its final word by a report-task job in the same transaction.
 */
export async function cancelTasks(
  deps: { db: Db; queue: Queue },
  input: { accountId: string; scope: TaskScope; by: string },
): Promise<{ stopping: string[]; ended: string[] }> {
  return withAccount(deps.db, input.accountId, async (tx) => {
    const stopping = await requestStop(tx, input);
    const ended = await endIdleTasks(tx, input);
    for (const taskId of ended) {
      await deps.queue.enqueue(tx, "report-task", { taskId, accountId: input.accountId });
    }
    return { stopping, ended };
  });
}
