import { and, desc, eq, lt, sql } from "drizzle-orm";
import { recordAudit } from "../../db/audit.ts";
import type { Db, Tx } from "../../db/client.ts";
import { step, task, type TaskAnswer } from "../../db/schema.ts";
import { toTask, type Task } from "./task-store.ts";

/** The task of a session that waits for a person, locked; null when none does. */
export async function lockWaitingTask(tx: Tx, sessionId: string): Promise<Task | null> {
  const [row] = await tx
    .select()
    .from(task)
    .where(and(eq(task.sessionId, sessionId), eq(task.status, "waiting")))
    .orderBy(desc(task.id))
    .limit(1)
    .for("update");
  return row === undefined ? null : toTask(row);
}

/** Puts a locked, waiting task back into the line with its answer: its next leg. */
export async function wakeTask(tx: Tx, input: { taskId: string; answer: TaskAnswer }): Promise<Task> {
  const [row] = await tx
    .update(task)
    .set({ status: "queued", answer: input.answer, leg: sql`${task.leg} + 1` })
    .where(and(eq(task.id, input.taskId), eq(task.status, "waiting")))
    .returning();
  if (row === undefined) throw new Error(`task ${input.taskId} stopped waiting while it was locked`);
  const { kind, approved, by } = input.answer;
  await recordAudit(tx, {
    ...{ accountId: row.accountId, act: "task-answered", actor: `user:${by.id}` },
    data: { task: row.id, question: kind, approved, sha: row.question?.sha ?? null, login: by.login },
  });
  return toTask(row);
}

const answerStep = (key: string) => `answer:${key}`;

/** Whether this very comment has answered a question of the session. */
export async function wasAnsweredBy(tx: Tx, input: { sessionId: string; key: string }): Promise<boolean> {
  const rows = await tx
    .select({ taskId: step.taskId })
    .from(step)
    .innerJoin(task, eq(task.id, step.taskId))
    .where(and(eq(task.sessionId, input.sessionId), eq(step.name, answerStep(input.key))))
    .limit(1);
  return rows.length > 0;
}

export async function noteAnswer(
  tx: Tx,
  { taskId, accountId, key }: { taskId: string; accountId: string; key: string },
): Promise<void> {
  await tx.insert(step).values({ taskId, accountId, name: answerStep(key), fence: 0, status: "started" });
}

/** Waiting tasks of any account whose time to be answered is over. */
export async function findUnanswered(system: Db, now: Date): Promise<{ id: string; accountId: string }[]> {
  return system
    .select({ id: task.id, accountId: task.accountId })
    .from(task)
    .where(and(eq(task.status, "waiting"), lt(sql`(${task.question}->>'expiresAt')::timestamptz`, now)));
}
