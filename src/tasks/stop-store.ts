import { and, eq, inArray, isNotNull, sql } from "drizzle-orm";
import type { Db, Tx } from "../../db/client.ts";
import { account, step, task } from "../../db/schema.ts";
import { busyStatuses, inScope, toTask, type Task, type TaskScope } from "./task-store.ts";

/**
 * The tasks in scope that a worker has begun and nobody holds now, locked: the newest claim has written down how it ended, and
 * none has followed. They sleep in the queue between two attempts.
 */
export async function lockUnheld(tx: Tx, input: { accountId: string; scope: TaskScope }): Promise<Task[]> {
  await lockAccount(tx, input.accountId);
  const busy = await tx
    .select()
    .from(task)
    .where(and(inScope(input.scope), inArray(task.status, [...busyStatuses])))
    .for("update");
  if (busy.length === 0) return [];
  // Read after the lock: a claim that came first has raised the fence and begun its own note.
  const over = await tx
    .select({ id: step.taskId, fence: step.fence })
    .from(step)
    .where(
      and(
        inArray(
          step.taskId,
          busy.map(({ id }) => id),
        ),
        eq(step.name, "claim"),
        sql`${step.result}->>'ended' is not null`,
      ),
    );
  return busy
    .filter(({ id, fence }) => over.some((note) => note.id === id && note.fence === fence))
    .map(toTask);
}

/** A task of any account that somebody has asked to stop and that has not ended; `lockStopping` locks it. */
export async function findStopping(system: Db, taskId: string): Promise<{ accountId: string } | null> {
  const [row] = await system.select({ accountId: task.accountId }).from(task).where(stopping(taskId));
  return row ?? null;
}

export async function lockStopping(
  tx: Tx,
  { taskId, accountId }: { taskId: string; accountId: string },
): Promise<Task | null> {
  await lockAccount(tx, accountId);
  const [row] = await tx.select().from(task).where(stopping(taskId)).for("update");
  return row === undefined ? null : toTask(row);
}

const stopping = (taskId: string) =>
  and(eq(task.id, taskId), inArray(task.status, [...busyStatuses]), isNotNull(task.cancelRequestedAt));

export async function noteStop(tx: Tx, input: { taskId: string; by: string }): Promise<void> {
  await tx
    .update(task)
    .set({ cancelRequestedAt: sql`now()`, cancelRequestedBy: input.by })
    .where(eq(task.id, input.taskId));
}

export async function isStopRequested(tx: Tx, taskId: string): Promise<boolean> {
  return (await tx.$count(task, and(eq(task.id, taskId), isNotNull(task.cancelRequestedAt)))) > 0;
}

/** From now on whoever holds the task can write nothing more. */
export async function raiseFence(tx: Tx, taskId: string): Promise<void> {
  await tx
    .update(task)
    .set({ fence: sql`${task.fence} + 1` })
    .where(eq(task.id, taskId));
}

/** Whether the turn of this attempt is kept: then its usage is no loss. */
export async function hasKeptTurn(tx: Tx, { id, fence }: Pick<Task, "id" | "fence">): Promise<boolean> {
  const kept = and(
    eq(step.taskId, id),
    eq(step.fence, fence),
    eq(step.status, "done"),
    sql`${step.name} ~ '^(kept-)?turn(:[0-9]+)?$'`,
  );
  return (await tx.$count(step, kept)) > 0;
}

/** Before the task's row, as the claim locks them: the ledger's rows refer to the account. */
async function lockAccount(tx: Tx, accountId: string): Promise<void> {
  await tx.select({ id: account.id }).from(account).where(eq(account.id, accountId)).for("key share");
}
