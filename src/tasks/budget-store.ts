import { and, eq, inArray, sql } from "drizzle-orm";
import { recordAudit } from "../../db/audit.ts";
import type { Tx } from "../../db/client.ts";
import { step, task } from "../../db/schema.ts";
import { openStatuses } from "./task-store.ts";

/**
 * Raises what an open task may cost, once per `key`; the gateway reads it before each model call. Answers the budget as it
 * is now, or null when the task has ended.
 */
export async function raiseTaskBudget(
  tx: Tx,
  input: {
    taskId: string;
    accountId: string;
    addMicroUsd: number;
    key: string;
    by: { id: number; login: string };
  },
): Promise<number | null> {
  const { taskId, accountId, addMicroUsd, key } = input;
  const open = and(eq(task.id, taskId), inArray(task.status, [...openStatuses]));
  const [found] = await tx.select({ budget: task.budgetMicroUsd }).from(task).where(open).for("update");
  if (found === undefined) return null;
  const noted = await tx
    .insert(step)
    .values({
      taskId,
      accountId,
      name: `budget:${key}`,
      fence: 0,
      status: "started",
      result: { addMicroUsd },
    })
    .onConflictDoNothing()
    .returning({ name: step.name });
  if (noted.length === 0) return found.budget;
  const [raised] = await tx
    .update(task)
    .set({ budgetMicroUsd: sql`${task.budgetMicroUsd} + ${addMicroUsd}` })
    .where(open)
    .returning({ budget: task.budgetMicroUsd });
  if (raised === undefined) return null;
  await recordAudit(tx, {
    ...{ accountId, act: "settings-overridden", actor: `user:${input.by.id}` },
    data: { task: taskId, setting: "budgetMicroUsd", value: raised.budget, login: input.by.login },
  });
  return raised.budget;
}
