import { and, asc, eq, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { savedTask } from "../../db/schema.ts";

export type SavedTaskRow = typeof savedTask.$inferSelect;
export type NewSavedTask = Omit<SavedTaskRow, "savedAt">;

/** Keeps a task under its name; answers the one that had the name before, null when it was free. */
export async function saveTask(tx: Tx, values: NewSavedTask): Promise<SavedTaskRow | null> {
  const before = await findSavedTask(tx, values, { lock: true });
  await tx
    .insert(savedTask)
    .values(values)
    .onConflictDoUpdate({
      target: [savedTask.repositoryId, savedTask.name],
      set: { ...values, savedAt: sql`now()` },
    });
  return before;
}

export async function findSavedTask(
  tx: Tx,
  { repositoryId, name }: { repositoryId: number; name: string },
  options: { lock?: true } = {},
): Promise<SavedTaskRow | null> {
  const query = tx
    .select()
    .from(savedTask)
    .where(and(eq(savedTask.repositoryId, repositoryId), eq(savedTask.name, name)));
  const [row] = await (options.lock === true ? query.for("update") : query);
  return row ?? null;
}

/** Those of a repository by name, a hundred at most. */
export async function listSavedTasks(tx: Tx, repositoryId: number): Promise<SavedTaskRow[]> {
  return tx
    .select()
    .from(savedTask)
    .where(eq(savedTask.repositoryId, repositoryId))
    .orderBy(asc(savedTask.name))
    .limit(100);
}
