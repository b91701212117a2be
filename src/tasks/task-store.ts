import { and, asc, desc, eq, inArray, isNull, like, lt, ne, sql, type SQL } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Db, Tx } from "../../db/client.ts";
import { account, repository, session, step, task } from "../../db/schema.ts";
import { FencedError } from "../errors.ts";
import type { Session } from "../sessions/session-store.ts";
import { recordUsage } from "../usage/usage-store.ts";
import { frozenContext, type FrozenContext } from "./frozen-context.ts";
import type { Outcome } from "./outcome.ts";

export type Task = Omit<typeof task.$inferSelect, "context" | "outcome"> & {
  context: FrozenContext;
  outcome: Outcome | null;
};

const openStatuses = ["queued", "provisioning", "running", "waiting"] as const;
const busyStatuses = ["provisioning", "running"] as const;

const read = (row: typeof task.$inferSelect): Task => ({
  ...row,
  context: frozenContext.parse(row.context),
  outcome: row.outcome as Outcome | null,
});

export async function findTask(db: Db | Tx, taskId: string): Promise<Task | null> {
  const [row] = await db.select().from(task).where(eq(task.id, taskId));
  return row === undefined ? null : read(row);
}

export async function findRepository(
  db: Db | Tx,
  repositoryId: number,
): Promise<typeof repository.$inferSelect | null> {
  const [row] = await db.select().from(repository).where(eq(repository.id, repositoryId));
  return row ?? null;
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
  return rows.map(read);
}

export type NewTask = Omit<typeof task.$inferInsert, "id" | "context"> & { context: FrozenContext };

/** Inserts the task unless one with its business key exists; null then. */
export async function insertTask(tx: Tx, values: NewTask): Promise<Task | null> {
  const [row] = await tx
    .insert(task)
    .values({ ...values, id: uuidv7() })
    .onConflictDoNothing({ target: task.businessKey })
    .returning();
  return row === undefined ? null : read(row);
}

/** Where a task stands in its account's line. */
export type Place = {
  /** Open tasks of the account before this one, running ones included. */
  ahead: number;
  open: number;
  slots: number;
  sessionBusy: boolean;
  /** Median time of the account's last twenty finished tasks, ms; null when there is none. */
  typicalMs: number | null;
};

export async function findPlace(
  tx: Tx,
  input: { taskId: string; sessionId: string; accountId: string },
): Promise<Place> {
  const open = await tx
    .select({ id: task.id, sessionId: task.sessionId })
    .from(task)
    .where(
      and(
        eq(task.accountId, input.accountId),
        inArray(task.status, [...openStatuses]),
        ne(task.status, "waiting"),
      ),
    )
    .orderBy(asc(task.id));
  const [slots] = await tx
    .select({ n: account.maxParallelTasks })
    .from(account)
    .where(eq(account.id, input.accountId));
  const [typical] = await tx.execute<{ ms: number | null }>(sql`
    select (percentile_cont(0.5) within group (order by extract(epoch from finished_at - started_at)) * 1000)::int as ms
    from (select finished_at, started_at from task
          where account_id = ${input.accountId} and status = 'completed' and started_at is not null
          order by id desc limit 20) recent`);
  const before = open.filter(({ id }) => id < input.taskId);
  return {
    ahead: before.length,
    open: open.length,
    slots: slots?.n ?? 1,
    sessionBusy: before.some(({ sessionId }) => sessionId === input.sessionId),
    typicalMs: typical?.ms ?? null,
  };
}

export type Claim = { task: Task; session: Session; fence: number };
export type ClaimResult =
  | ({ ok: true } & Claim)
  | { ok: false; reason: "missing" | "ended" | "waiting" }
  | { ok: false; reason: "account-full"; place: Place }
  | { ok: false; reason: "cancelled" | "failed-too-often"; task: Task };

const maxFailures = 3;

/**
 * Takes the task for this worker: raises its fence, so that whoever held it before can do nothing more. The
 * account's row is locked meanwhile, which makes its limit exact. An attempt that ended without saying so
 * (a killed worker) counts as a failure unless it had got further than the one before it. What a lost turn used
 * is written down as ours to pay.
 */
export async function claimTask(tx: Tx, input: { taskId: string; accountId: string }): Promise<ClaimResult> {
  const [slots] = await tx
    .select({ n: account.maxParallelTasks })
    .from(account)
    .where(eq(account.id, input.accountId))
    .for("update");
  const [row] = await tx.select().from(task).where(eq(task.id, input.taskId)).for("update");
  if (slots === undefined || row === undefined) return { ok: false, reason: "missing" };
  const found = read(row);
  if (found.finishedAt !== null) return { ok: false, reason: "ended" };
  if (found.status === "waiting") return { ok: false, reason: "waiting" };
  if (found.cancelRequestedAt !== null) return { ok: false, reason: "cancelled", task: found };
  const busy = await tx.$count(
    task,
    and(
      eq(task.accountId, input.accountId),
      inArray(task.status, [...busyStatuses]),
      ne(task.id, input.taskId),
    ),
  );
  if (busy >= slots.n) {
    return {
      ok: false,
      reason: "account-full",
      place: await findPlace(tx, { ...input, sessionId: found.sessionId }),
    };
  }
  if (found.fence > 0) {
    const { id: taskId, accountId, sessionId, fence: attempt } = found;
    const fault = (await finishedTurn(tx, taskId, attempt)) ? "none" : "platform";
    await recordUsage(tx, { taskId, accountId, sessionId, attempt, fault, over: true });
  }
  const failures = found.failures + ((await diedWithoutProgress(tx, found)) ? 1 : 0);
  if (failures >= maxFailures) return { ok: false, reason: "failed-too-often", task: found };
  const [claimed] = await tx
    .update(task)
    .set({
      fence: sql`${task.fence} + 1`,
      failures,
      status: found.status === "running" ? "running" : "provisioning",
      startedAt: sql`coalesce(${task.startedAt}, now())`,
    })
    .where(eq(task.id, input.taskId))
    .returning();
  const [owner] = await tx.select().from(session).where(eq(session.id, found.sessionId));
  if (claimed === undefined || owner === undefined)
    throw new Error(`task ${input.taskId} vanished while it was claimed`);
  await noteClaim(tx, claimed);
  return { ok: true, task: read(claimed), session: owner, fence: claimed.fence };
}

/** Whether the agent's turn of this attempt ended and is kept: then its work is not lost, whatever became of the worker. */
async function finishedTurn(tx: Tx, taskId: string, attempt: number): Promise<boolean> {
  const kept = and(
    eq(step.taskId, taskId),
    eq(step.fence, attempt),
    eq(step.status, "done"),
    like(step.name, "agent:%"),
  );
  return (await tx.$count(step, kept)) > 0;
}

type ClaimNote = { doneSteps: number; ended: "error" | "drain" | null };

async function diedWithoutProgress(tx: Tx, found: Task): Promise<boolean> {
  const [row] = await tx
    .select()
    .from(step)
    .where(and(eq(step.taskId, found.id), eq(step.name, "claim")));
  if (row === undefined) return false;
  const note = row.result as ClaimNote;
  if (note.ended !== null) return false;
  return (await countDoneSteps(tx, found.id)) <= note.doneSteps;
}

async function countDoneSteps(tx: Tx, taskId: string): Promise<number> {
  return tx.$count(step, and(eq(step.taskId, taskId), eq(step.status, "done"), ne(step.name, "claim")));
}

async function noteClaim(tx: Tx, claimed: typeof task.$inferSelect): Promise<void> {
  const note: ClaimNote = { doneSteps: await countDoneSteps(tx, claimed.id), ended: null };
  await tx
    .insert(step)
    .values({
      taskId: claimed.id,
      accountId: claimed.accountId,
      name: "claim",
      fence: claimed.fence,
      status: "started",
      result: note,
    })
    .onConflictDoUpdate({
      target: [step.taskId, step.name],
      set: { fence: claimed.fence, result: note, attempt: sql`${step.attempt} + 1`, startedAt: sql`now()` },
    });
}

/** Says how an attempt ended that will be tried again: an error counts as a failure, a drain does not. */
export async function recordAttemptEnd(
  tx: Tx,
  input: { taskId: string; fence: number; ended: "error" | "transient" | "drain" },
): Promise<{ failures: number }> {
  const [row] = await tx
    .update(task)
    .set(
      input.ended === "error" ? { failures: sql`${task.failures} + 1` } : { failures: sql`${task.failures}` },
    )
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)))
    .returning({ failures: task.failures });
  if (row === undefined) throw fenced(input);
  await tx
    .update(step)
    .set({ result: sql`jsonb_set(${step.result}, '{ended}', to_jsonb(${input.ended}::text))` })
    .where(and(eq(step.taskId, input.taskId), eq(step.name, "claim"), eq(step.fence, input.fence)));
  return row;
}

/** Changes a task only while this claim is the newest one; FencedError when it is not. */
export async function updateClaimed(
  tx: Tx,
  input: { taskId: string; fence: number; set: Partial<typeof task.$inferInsert> },
): Promise<void> {
  const rows = await tx
    .update(task)
    .set(input.set)
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)))
    .returning({ id: task.id });
  if (rows.length === 0) throw fenced(input);
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
  if (rows.length === 0) throw fenced(input);
}

function fenced(input: { taskId: string; fence: number }): FencedError {
  return new FencedError(`task ${input.taskId} was claimed again; fence ${input.fence} is over`);
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
    .returning({ id: task.id });
  return rows.length > 0;
}

export type TaskScope =
  | { sessionId: string }
  | { taskId: string }
  | { installationId: number }
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
    .returning({ id: task.id });
  return rows.map(({ id }) => id);
}

function inScope(scope: TaskScope): SQL {
  if ("sessionId" in scope) return eq(task.sessionId, scope.sessionId);
  if ("taskId" in scope) return eq(task.id, scope.taskId);
  if ("installationId" in scope) return eq(task.installationId, scope.installationId);
  return inArray(task.repositoryId, [...scope.repositoryIds]);
}

export async function markReported(tx: Tx, taskId: string): Promise<void> {
  await tx
    .update(task)
    .set({ reportedAt: sql`now()` })
    .where(eq(task.id, taskId));
}

/** Ended tasks whose thread has not heard of it for a while. */
export async function listUnreported(
  system: Db,
  olderThan: Date,
): Promise<{ taskId: string; accountId: string }[]> {
  return system
    .select({ taskId: task.id, accountId: task.accountId })
    .from(task)
    .where(and(lt(task.finishedAt, olderThan), sql`${task.reportedAt} is null`))
    .limit(100);
}
