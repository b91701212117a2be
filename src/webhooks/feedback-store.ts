import { and, asc, eq, inArray, isNull, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Tx } from "../../db/client.ts";
import { feedback, installation, repository, task } from "../../db/schema.ts";
import { toTask, type Task } from "../tasks/task-store.ts";

export type FeedbackRow = typeof feedback.$inferSelect;
export type NewFeedback = Omit<FeedbackRow, "id" | "receivedAt" | "taskId">;

/** False when this comment has been stored before. */
export async function insertFeedback(tx: Tx, values: NewFeedback): Promise<boolean> {
  const rows = await tx
    .insert(feedback)
    .values({ ...values, id: uuidv7() })
    .onConflictDoNothing({ target: [feedback.repositoryId, feedback.kind, feedback.commentId] })
    .returning({ id: feedback.id });
  return rows.length > 0;
}

/** `firstAgeMs`, `lastAgeMs`: since the oldest and the newest came in, by the database's clock. */
export type OpenFeedback = { rows: FeedbackRow[]; firstAgeMs: number; lastAgeMs: number };

/** What waits to become a task, oldest first; null when nothing does. */
export async function findOpenFeedback(tx: Tx, sessionId: string): Promise<OpenFeedback | null> {
  const found = await tx
    .select({
      row: feedback,
      ageMs: sql<number>`(extract(epoch from clock_timestamp() - ${feedback.receivedAt}) * 1000)::float8`,
    })
    .from(feedback)
    .where(and(eq(feedback.sessionId, sessionId), isNull(feedback.taskId)))
    .orderBy(asc(feedback.commentedAt), asc(feedback.id));
  if (found.length === 0) return null;
  const ages = found.map(({ ageMs }) => ageMs);
  return {
    rows: found.map(({ row }) => row),
    firstAgeMs: Math.max(...ages),
    lastAgeMs: Math.min(...ages),
  };
}

/** Notes which task took them. */
export async function takeFeedback(
  tx: Tx,
  { ids, taskId }: { ids: readonly string[]; taskId: string },
): Promise<void> {
  await tx
    .update(feedback)
    .set({ taskId })
    .where(and(inArray(feedback.id, [...ids]), isNull(feedback.taskId)));
}

/** Nobody will work on it: its session is over. */
export async function dropFeedback(tx: Tx, sessionId: string): Promise<void> {
  await tx.delete(feedback).where(and(eq(feedback.sessionId, sessionId), isNull(feedback.taskId)));
}

/** The task that was made of a collection before, when its comments could not be noted as taken any more. */
export async function findTaskOfKey(tx: Tx, businessKey: string): Promise<Task | null> {
  const [row] = await tx.select().from(task).where(eq(task.businessKey, businessKey));
  return row === undefined ? null : toTask(row);
}

/** Null: the App is no longer installed there, or suspended. */
export async function findInstallationOfRepository(tx: Tx, repositoryId: number): Promise<number | null> {
  const [row] = await tx
    .select({ id: installation.id })
    .from(repository)
    .innerJoin(installation, eq(installation.id, repository.installationId))
    .where(
      and(
        eq(repository.id, repositoryId),
        isNull(repository.removedAt),
        isNull(installation.removedAt),
        isNull(installation.suspendedAt),
      ),
    );
  return row?.id ?? null;
}
