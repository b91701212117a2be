import { and, asc, count, eq, gt, inArray, isNotNull, isNull, like, or, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Tx } from "../../db/client.ts";
import { steering, step, task } from "../../db/schema.ts";
import { assertFence } from "./fence-store.ts";
import { legStep } from "./leg-step.ts";
import { busyStatuses } from "./task-store.ts";

export type SteeringRow = typeof steering.$inferSelect;

/** Workers listen here for comments on running tasks; the payload is the task's id. */
export const steerChannel = "remote_claude_steer";

/**
 * The session's running task and whether its turn is over: then nothing can be handed to it any more. Holds the task's row
 * until the transaction ends, so that the task cannot end beside what is written for it.
 */
export async function findSteerable(
  tx: Tx,
  input: { sessionId: string },
): Promise<{ taskId: string; turnOver: boolean } | null> {
  const [row] = await tx
    .select({ id: task.id, leg: task.leg })
    .from(task)
    .where(and(eq(task.sessionId, input.sessionId), inArray(task.status, [...busyStatuses])))
    .for("share");
  if (row === undefined) return null;
  // An agent's run that has finished, or the whole turn with its checkpoint.
  const over = and(
    eq(step.taskId, row.id),
    eq(step.status, "done"),
    or(eq(step.name, legStep("turn", row.leg)), like(step.name, legStep("agent:%", row.leg))),
  );
  return { taskId: row.id, turnOver: (await tx.$count(step, over)) > 0 };
}

export type NewSteering = Pick<
  SteeringRow,
  "accountId" | "taskId" | "kind" | "commentId" | "author" | "text"
>;

/** Keeps a comment for a task and tells its worker when the transaction commits; false when it is kept already. */
export async function insertSteering(tx: Tx, values: NewSteering): Promise<boolean> {
  const rows = await tx
    .insert(steering)
    .values({ ...values, id: uuidv7() })
    .onConflictDoNothing({ target: [steering.taskId, steering.kind, steering.commentId] })
    .returning({ id: steering.id });
  if (rows.length === 0) return false;
  await tx.execute(sql`select pg_notify(${steerChannel}, ${values.taskId})`);
  return true;
}

/**
 * The comments for a turn that begins, oldest first: those that no turn has been given, and those of a turn that was given them
 * and was lost before it was kept.
 */
export async function listForTurn(tx: Tx, taskId: string): Promise<SteeringRow[]> {
  const kept = sql`(select coalesce(max(${step.fence}), 0) from ${step}
    where ${step.taskId} = ${taskId} and ${step.status} = 'done' and ${step.name} ~ '^turn(:[0-9]+)?$')`;
  return tx
    .select()
    .from(steering)
    .where(and(eq(steering.taskId, taskId), or(isNull(steering.handedAt), gt(steering.fence, kept))))
    .orderBy(asc(steering.id));
}

/** Those that no turn has been given, oldest first: they are left for a follow-up when the task ends. */
export async function listUnhanded(tx: Tx, taskId: string): Promise<SteeringRow[]> {
  return tx
    .select()
    .from(steering)
    .where(and(eq(steering.taskId, taskId), isNull(steering.handedAt)))
    .orderBy(asc(steering.id));
}

/** Writes down under the claim's fence that the agent was given these; answers how many of the task it has been given. */
export async function markHanded(
  tx: Tx,
  input: { taskId: string; fence: number; ids: readonly string[] },
): Promise<number> {
  await assertFence(tx, input);
  await tx
    .update(steering)
    .set({ handedAt: sql`now()`, fence: input.fence })
    .where(and(eq(steering.taskId, input.taskId), inArray(steering.id, [...input.ids])));
  const [row] = await tx
    .select({ n: count() })
    .from(steering)
    .where(and(eq(steering.taskId, input.taskId), isNotNull(steering.handedAt)));
  return row?.n ?? 0;
}
