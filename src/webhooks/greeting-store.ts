import { eq, sql } from "drizzle-orm";
import { withAccount, type Db } from "../../db/client.ts";
import { greeting, task, type TaskNotices } from "../../db/schema.ts";
import { toTask, type Task } from "../tasks/task-store.ts";

/**
 * Puts the explanation for a newcomer into the status comment of their first task in this account, in one transaction with the
 * note that they have had it; null for everybody else.
 */
export async function greetOnce(
  deps: { db: Db },
  input: { accountId: string; userId: number; taskId: string; remarks: readonly string[] },
): Promise<Task | null> {
  const { accountId, userId, taskId, remarks } = input;
  return withAccount(deps.db, accountId, async (tx) => {
    const made = await tx
      .insert(greeting)
      .values({ accountId, userId })
      .onConflictDoNothing()
      .returning({ userId: greeting.userId });
    if (made.length === 0) return null;
    const added: TaskNotices = { remarks };
    const [row] = await tx
      .update(task)
      .set({ notices: sql`${task.notices} || ${JSON.stringify(added)}::jsonb` })
      .where(eq(task.id, taskId))
      .returning();
    return row === undefined ? null : toTask(row);
  });
}
