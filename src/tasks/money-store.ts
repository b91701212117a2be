import { and, eq, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { task } from "../../db/schema.ts";

/** Adds sentences about budgets to what the thread should know of a task. */
export async function addBudgetNotices(
  tx: Tx,
  { taskId, accountId, notices }: { taskId: string; accountId: string; notices: readonly string[] },
): Promise<void> {
  const more = sql`coalesce(${task.notices}->'budget', '[]'::jsonb) || ${JSON.stringify(notices)}::jsonb`;
  await tx
    .update(task)
    .set({ notices: sql`jsonb_set(${task.notices}, '{budget}', ${more})` })
    .where(and(eq(task.id, taskId), eq(task.accountId, accountId)));
}

/** Says why a task has to wait for room below a cap, or that it waits no more (null); false when that was known. */
export async function setCapNotice(
  tx: Tx,
  { taskId, notice }: { taskId: string; notice: string | null },
): Promise<boolean> {
  const next =
    notice === null
      ? sql`${task.notices} - 'cap'`
      : sql`${task.notices} || jsonb_build_object('cap', ${notice}::text)`;
  const rows = await tx
    .update(task)
    .set({ notices: next })
    .where(and(eq(task.id, taskId), sql`${task.notices}->>'cap' is distinct from ${notice}::text`))
    .returning({ id: task.id });
  return rows.length > 0;
}
