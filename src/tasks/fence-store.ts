import { and, eq, isNull, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { task, type TaskNotices } from "../../db/schema.ts";
import { FencedError } from "../errors.ts";

/** Changes an open task only while this claim is the newest one; FencedError when it is not. */
export async function updateClaimed(
  tx: Tx,
  input: { taskId: string; fence: number; set: Partial<typeof task.$inferInsert> },
): Promise<void> {
  const rows = await tx
    .update(task)
    .set(input.set)
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence), isNull(task.finishedAt)))
    .returning({ id: task.id });
  if (rows.length === 0) throw fencedError(input);
}

/** Adds to what the thread should know beside the outcome; a notice of the same name is replaced. */
export async function addNotices(
  tx: Tx,
  input: { taskId: string; fence: number; notices: TaskNotices },
): Promise<void> {
  const notices = sql`${task.notices} || ${JSON.stringify(input.notices)}::jsonb`;
  const rows = await tx
    .update(task)
    .set({ notices })
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)))
    .returning({ id: task.id });
  if (rows.length === 0) throw fencedError(input);
}

/** Adds a sentence to what the thread should know, once. */
export async function addRemark(
  tx: Tx,
  input: { taskId: string; fence: number; remark: string },
): Promise<void> {
  const remark = JSON.stringify([input.remark]);
  const remarks = sql`coalesce(${task.notices}->'remarks', '[]'::jsonb)`;
  const rows = await tx
    .update(task)
    .set({
      notices: sql`case when ${remarks} @> ${remark}::jsonb then ${task.notices}
        else jsonb_set(${task.notices}, '{remarks}', ${remarks} || ${remark}::jsonb) end`,
    })
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)))
    .returning({ id: task.id });
  if (rows.length === 0) throw fencedError(input);
}

/** Keeps the exact text that the agent gets. NUL, which PostgreSQL's text cannot hold, never gets past the parser. */
export async function storePrompt(
  tx: Tx,
  input: { taskId: string; fence: number; prompt: string },
): Promise<void> {
  await updateClaimed(tx, { ...input, set: { prompt: input.prompt } });
}

/** Throws FencedError unless this claim is the newest one; takes no lock that outlives the transaction. */
export async function assertFence(tx: Tx, input: { taskId: string; fence: number }): Promise<void> {
  const rows = await tx
    .select({ id: task.id })
    .from(task)
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)))
    .for("share");
  if (rows.length === 0) throw fencedError(input);
}

export function fencedError(input: { taskId: string; fence: number }): FencedError {
  return new FencedError(`task ${input.taskId} was claimed again; fence ${input.fence} is over`);
}
