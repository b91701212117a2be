import { eq, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { greeting, task } from "../../db/schema.ts";
import { toTask, type Task } from "./task-store.ts";

/**
 * Puts the explanation for a newcomer into the status comment of their first task in this account, in the transaction that
 * makes the task; the task as it is for everybody else.
 */
export async function greetOnce(
  tx: Tx,
  { task: made, greeting: remarks }: { task: Task; greeting: readonly string[] },
): Promise<Task> {
  const { accountId, requesterId: userId } = made;
  const noted = await tx
    .insert(greeting)
    .values({ accountId, userId })
    .onConflictDoNothing()
    .returning({ userId: greeting.userId });
  if (noted.length === 0) return made;
  const [row] = await tx
    .update(task)
    .set({
      notices: sql`jsonb_set(${task.notices}, '{remarks}',
        coalesce(${task.notices}->'remarks', '[]'::jsonb) || ${JSON.stringify(remarks)}::jsonb)`,
    })
    .where(eq(task.id, made.id))
    .returning();
  if (row === undefined) throw new Error(`task ${made.id} vanished while it was made`);
  return toTask(row);
}
