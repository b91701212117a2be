import { and, eq, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Tx } from "../../db/client.ts";
import { billingOutbox, charge, task, usage } from "../../db/schema.ts";
import type { LegCost, LegPrice } from "./rate-leg.ts";

export type Charge = typeof charge.$inferSelect;
export type LegRef = { accountId: string; taskId: string; leg: number };

export type LegUse = {
  /** What counts for the account: attempts that were lost by our fault are not in it. */
  paid: LegCost;
  /** What all of it cost. */
  costMicroUsd: number;
  /** The newest attempt in it. */
  lastAttempt: number;
  /** When the task was asked for: its rate card is that of this moment. */
  askedAt: Date;
  sessionId: string;
  repositoryId: number;
  requesterId: number;
};

/** What the ledger holds of a leg: the rows after the last attempt of the leg before it. */
export async function sumLeg(tx: Tx, { accountId, taskId, leg }: LegRef): Promise<LegUse> {
  const before = sql`coalesce((
    select last_attempt from ${charge} earlier where earlier.task_id = ${taskId} and earlier.leg < ${leg}
    order by earlier.leg desc, earlier.revision desc limit 1), -1)`;
  const total = (value: unknown, filter = sql`true`) =>
    sql<number>`coalesce(sum(${value}) filter (where ${filter}), 0)`.mapWith(Number);
  const [found] = await tx
    .select({
      lastAttempt: task.fence,
      askedAt: task.createdAt,
      sessionId: task.sessionId,
      repositoryId: task.repositoryId,
      requesterId: task.requesterId,
      modelMicroUsd: total(usage.priceMicroUsd, sql`${usage.kind} = 'model'`),
      machineMicroUsd: total(usage.priceMicroUsd, sql`${usage.kind} = 'sandbox'`),
      costMicroUsd: total(usage.costMicroUsd),
    })
    .from(task)
    .leftJoin(usage, and(eq(usage.taskId, task.id), sql`${usage.attempt} > ${before}`))
    .where(and(eq(task.id, taskId), eq(task.accountId, accountId)))
    .groupBy(task.id);
  if (found === undefined) throw new Error(`task ${taskId} has no row to charge`);
  const { modelMicroUsd, machineMicroUsd, ...rest } = found;
  return { paid: { modelMicroUsd, machineMicroUsd }, ...rest };
}

export type NewCharge = LegRef &
  Pick<LegUse, "lastAttempt" | "sessionId" | "repositoryId" | "requesterId"> &
  LegPrice & { revision: number; kind: "charge" | "correction"; reason: string; card: string };

/** Null when this revision of the leg is there already. */
export async function insertCharge(tx: Tx, values: NewCharge): Promise<Charge | null> {
  const [row] = await tx
    .insert(charge)
    .values({ id: uuidv7(), ...values })
    .onConflictDoNothing({ target: [charge.taskId, charge.leg, charge.revision] })
    .returning();
  return row ?? null;
}

/** All revisions of a leg, the first one first. */
export async function listRevisions(tx: Tx, { taskId, leg }: Omit<LegRef, "accountId">): Promise<Charge[]> {
  return tx
    .select()
    .from(charge)
    .where(and(eq(charge.taskId, taskId), eq(charge.leg, leg)))
    .orderBy(charge.revision);
}

export type TaskCharge = {
  costMicroUsd: number;
  priceMicroUsd: number;
  amountCents: number;
  /** Of legs that Stripe hears of; what was used without a plan that runs is not in it. */
  sentCents: number;
};

/** What is owed for a task in all its legs, corrections included. */
export async function sumCharges(tx: Tx, { taskId }: { taskId: string }): Promise<TaskCharge> {
  const total = (column: unknown, filter = sql`true`) =>
    sql<number>`coalesce(sum(${column}) filter (where ${filter}), 0)`.mapWith(Number);
  const isSent = sql`exists (select 1 from ${charge} own join ${billingOutbox} o on o.charge_id = own.id
    where own.task_id = ${charge.taskId} and own.leg = ${charge.leg})`;
  const [row] = await tx
    .select({
      costMicroUsd: total(charge.costMicroUsd),
      priceMicroUsd: total(charge.priceMicroUsd),
      amountCents: total(charge.amountCents),
      sentCents: total(charge.amountCents, isSent),
    })
    .from(charge)
    .where(eq(charge.taskId, taskId));
  return row ?? { costMicroUsd: 0, priceMicroUsd: 0, amountCents: 0, sentCents: 0 };
}
