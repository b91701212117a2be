import { and, desc, eq, inArray, isNull, sql, type SQL } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { recordAudit } from "../../db/audit.ts";
import type { Db, Tx } from "../../db/client.ts";
import { task } from "../../db/schema.ts";
import { frozenContext, type FrozenContext } from "./frozen-context.ts";
import type { Outcome } from "./outcome.ts";

export type Task = Omit<typeof task.$inferSelect, "context" | "outcome"> & {
  context: FrozenContext;
  outcome: Outcome | null;
};

export const openStatuses = ["queued", "provisioning", "running", "waiting"] as const;
export const busyStatuses = ["provisioning", "running"] as const;

export const toTask = (row: typeof task.$inferSelect): Task => ({
  ...row,
  context: frozenContext.parse(row.context),
  outcome: row.outcome as Outcome | null,
});

export async function findTask(db: Db | Tx, taskId: string): Promise<Task | null> {
  const [row] = await db.select().from(task).where(eq(task.id, taskId));
  return row === undefined ? null : toTask(row);
}

/** The tasks of one issue, newest first, fifty at most. */
export async function listThreadTasks(
  tx: Tx,
  input: { repositoryId: number; issueNumber: number },
): Promise<Task[]> {
  const rows = await tx
    .select()
    .from(task)
    .where(and(eq(task.repositoryId, input.repositoryId), eq(task.issueNumber, input.issueNumber)))
    .orderBy(desc(task.id))
    .limit(50);
  return rows.map(toTask);
}

export type NewTask = Omit<typeof task.$inferInsert, "id" | "context"> & { context: FrozenContext };

/** Inserts the task unless one with its business key exists; null then. */
export async function insertTask(tx: Tx, values: NewTask): Promise<Task | null> {
  const [row] = await tx
    .insert(task)
    .values({ ...values, id: uuidv7() })
    .onConflictDoNothing({ target: task.businessKey })
    .returning();
  if (row === undefined) return null;
  const { id, accountId, sessionId, repositoryId, issueNumber, deliveryId, trigger, verb } = row;
  await recordAudit(tx, {
    ...{ accountId, act: "task-created", actor: `user:${row.requesterId}` },
    data: {
      ...{ task: id, session: sessionId, repository: repositoryId, issue: issueNumber, trigger, verb },
      ...{ delivery: deliveryId, login: row.requesterLogin, overrides: Object.keys(row.options).toSorted() },
    },
  });
  return toTask(row);
}

/** Ends a task that is still open; false when it had ended already. */
export async function endTask(
  tx: Tx,
  input: {
    taskId: string;
    status: "completed" | "failed" | "cancelled" | "timeout";
    outcome: Outcome;
    receipt?: unknown;
  },
): Promise<boolean> {
  const rows = await tx
    .update(task)
    .set({
      status: input.status,
      outcome: input.outcome,
      finishedAt: sql`now()`,
      ...(input.receipt === undefined ? {} : { receipt: input.receipt }),
    })
    .where(and(eq(task.id, input.taskId), inArray(task.status, [...openStatuses])))
    .returning({ id: task.id, accountId: task.accountId });
  const data = { status: input.status, outcome: input.outcome.kind };
  for (const { id, accountId } of rows)
    await recordAudit(tx, { accountId, act: "task-ended", actor: "server", data: { task: id, ...data } });
  return rows.length > 0;
}

/** How long ago a task was first claimed, ms, 0 for one that never was. By the database's clock, which wrote its beginning. */
export async function readRunTime(tx: Tx, input: { taskId: string; accountId: string }): Promise<number> {
  const [row] = await tx
    .select({
      ms: sql<number>`coalesce(greatest(round(extract(epoch from clock_timestamp() - ${task.startedAt}) * 1000), 0), 0)`.mapWith(
        Number,
      ),
    })
    .from(task)
    .where(and(eq(task.id, input.taskId), eq(task.accountId, input.accountId)));
  return row?.ms ?? 0;
}

export type TaskScope =
  | { sessionId: string }
  | { taskId: string }
  | { installationId: number }
  | { accountId: string }
  | { repositoryIds: readonly number[] };

/** Workers listen here for tasks to stop; the payload is the task's id. */
export const cancelChannel = "remote_claude_cancel";

/** Asks the workers of the running tasks in scope to stop; they hear of it when the transaction commits. */
export async function requestStop(tx: Tx, input: { scope: TaskScope; by: string }): Promise<string[]> {
  const rows = await tx
    .update(task)
    .set({ cancelRequestedAt: sql`now()`, cancelRequestedBy: input.by })
    .where(and(inScope(input.scope), inArray(task.status, [...busyStatuses]), isNull(task.cancelRequestedAt)))
    .returning({ id: task.id });
  for (const { id } of rows) await tx.execute(sql`select pg_notify(${cancelChannel}, ${id})`);
  return rows.map(({ id }) => id);
}

/** Ends the tasks in scope that nobody works on. */
export async function endIdleTasks(tx: Tx, input: { scope: TaskScope; by: string }): Promise<string[]> {
  const outcome: Outcome = { kind: "cancelled", by: input.by };
  const rows = await tx
    .update(task)
    .set({
      status: "cancelled",
      cancelRequestedAt: sql`now()`,
      cancelRequestedBy: input.by,
      finishedAt: sql`now()`,
      outcome,
    })
    .where(and(inScope(input.scope), inArray(task.status, ["queued", "waiting"])))
    .returning({ id: task.id, accountId: task.accountId });
  const data = { status: "cancelled", outcome: outcome.kind, by: input.by };
  for (const { id, accountId } of rows)
    await recordAudit(tx, { accountId, act: "task-ended", actor: "server", data: { task: id, ...data } });
  return rows.map(({ id }) => id);
}

export function inScope(scope: TaskScope): SQL {
  if ("sessionId" in scope) return eq(task.sessionId, scope.sessionId);
  if ("taskId" in scope) return eq(task.id, scope.taskId);
  if ("accountId" in scope) return eq(task.accountId, scope.accountId);
  if ("installationId" in scope) return eq(task.installationId, scope.installationId);
  return inArray(task.repositoryId, [...scope.repositoryIds]);
}

export async function markReported(tx: Tx, taskId: string): Promise<void> {
  await tx
    .update(task)
    .set({ reportedAt: sql`now()` })
    .where(eq(task.id, taskId));
}
