import { and, asc, eq, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { step, task } from "../../db/schema.ts";
import { toTask, type Task } from "./task-store.ts";

const placeStep = "place";

/** The account's tasks that wait for a slot, in the order they were asked for. */
export async function listQueued(tx: Tx, accountId: string, limit: number): Promise<Task[]> {
  const rows = await tx
    .select()
    .from(task)
    .where(and(eq(task.accountId, accountId), eq(task.status, "queued")))
    .orderBy(asc(task.id))
    .limit(limit);
  return rows.map(toTask);
}

/**
 * Notes what the thread is about to be told of a task's place, unless it has been told the same, or was told something within
 * `everyMs`; the making of the task counts as being told.
 */
export async function takeShowing(
  tx: Tx,
  input: { task: Pick<Task, "id" | "accountId" | "createdAt">; text: string; now: Date; everyMs: number },
): Promise<"show" | "shown" | "later"> {
  const { task: of, text, now, everyMs } = input;
  const row = {
    taskId: of.id,
    accountId: of.accountId,
    name: placeStep,
    fence: 0,
    status: "started" as const,
  };
  const first = { text: "", at: of.createdAt.getTime() };
  await tx
    .insert(step)
    .values({ ...row, result: first })
    .onConflictDoNothing();
  const mine = and(eq(step.taskId, of.id), eq(step.name, placeStep));
  const [kept] = await tx
    .select({ text: sql<string>`${step.result}->>'text'`, at: sql<number>`(${step.result}->>'at')::float8` })
    .from(step)
    .where(mine)
    .for("update");
  if (kept === undefined) throw new Error(`the place of task ${of.id} has no row`);
  if (kept.text === text) return "shown";
  if (now.getTime() - kept.at < everyMs) return "later";
  await tx
    .update(step)
    .set({ result: { text, at: now.getTime() } })
    .where(mine);
  return "show";
}
