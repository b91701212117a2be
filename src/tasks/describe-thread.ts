import { withAccount, type Db } from "../../db/client.ts";
import { formatDuration, formatUsd } from "../github/amounts.ts";
import { sumTaskUsage } from "../usage/usage-store.ts";
import { findPlace } from "./place-store.ts";
import { listThreadTasks, type Task } from "./task-store.ts";
import type { Clock } from "../clock.ts";

/** The answer to `/claude status`: the issue's open tasks, or how the last one ended. */
export async function describeThread(
  deps: { db: Db; clock: Clock },
  input: { accountId: string; repositoryId: number; issueNumber: number },
): Promise<string> {
  return withAccount(deps.db, input.accountId, async (tx) => {
    const tasks = await listThreadTasks(tx, input);
    const open = tasks.filter(({ finishedAt }) => finishedAt === null);
    const [last] = tasks;
    if (last === undefined)
      return "Nothing has been asked on this issue yet. `/claude help` lists what can be.";
    if (open.length === 0) return `Nothing is running here. The last task ended as **${last.status}**.`;
    const lines = [];
    for (const task of open.reverse()) {
      const { costMicroUsd } = await sumTaskUsage(tx, { taskId: task.id, accountId: task.accountId });
      const place = await findPlace(tx, {
        taskId: task.id,
        sessionId: task.sessionId,
        accountId: task.accountId,
      });
      lines.push(
        `- ${describe(deps.clock, task, place.ahead)}, ${formatUsd(costMicroUsd)} of ${formatUsd(task.budgetMicroUsd)} spent`,
      );
    }
    return lines.join("\n");
  });
}

function describe(clock: Clock, task: Task, ahead: number): string {
  if (task.startedAt === null) return `**${task.status}**, ${ahead} before it`;
  return `**${task.status}** for ${formatDuration(clock.now().getTime() - task.startedAt.getTime())}`;
}
