import { and, eq, gte, inArray, lt, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { isUniqueViolation, type Db, type Tx } from "../../db/client.ts";
import { billingOutbox } from "../../db/schema.ts";

export type OutboxRow = typeof billingOutbox.$inferSelect;

/** Stripe forgets an identifier after a day; what is not known by then is looked for, and never sent again blindly. */
const blindForHours = 20;
const leaseSeconds = 60;

export async function insertOutboxRow(
  tx: Tx,
  row: Pick<OutboxRow, "accountId" | "chargeId" | "kind" | "identifier" | "valueCents">,
): Promise<void> {
  await tx.insert(billingOutbox).values({ id: uuidv7(), ...row, eventAt: sql`now()` });
}

/** The meter event of a charge, locked; null where none was ever to be sent. */
export async function lockMeterEvent(tx: Tx, chargeId: string): Promise<OutboxRow | null> {
  const [row] = await tx
    .select()
    .from(billingOutbox)
    .where(and(eq(billingOutbox.chargeId, chargeId), eq(billingOutbox.kind, "meter-event")))
    .for("update");
  return row ?? null;
}

/** Takes out a locked row that was never sent. */
export async function supersedeRow(tx: Tx, id: string): Promise<void> {
  const rows = await tx
    .update(billingOutbox)
    .set({ state: "superseded" })
    .where(and(eq(billingOutbox.id, id), inArray(billingOutbox.state, ["pending", "dead"])))
    .returning({ id: billingOutbox.id });
  if (rows.length === 0) throw new Error(`outbox row ${id} was sent while it was locked`);
}

/** What the problem of a charge begins with that was tried with a key that Stripe does not take; until it is tried again nothing is sent. */
export const keyRefused = "Stripe does not take the key: ";

/** Lets everything wait at least so long: what is not taken of one charge is taken of none. */
export async function pauseOutbox(system: Db, { delayMs }: { delayMs: number }): Promise<void> {
  const until = sql`now() + ${delayMs} * interval '1 millisecond'`;
  await system
    .update(billingOutbox)
    .set({ nextAt: until })
    .where(and(eq(billingOutbox.state, "pending"), lt(billingOutbox.nextAt, until)));
}

/** What Stripe has taken of an account's use since then, and before `until`, cents. */
export async function sumDelivered(
  tx: Tx | Db,
  { accountId, since, until }: { accountId: string; since: Date; until?: Date },
): Promise<number> {
  const [row] = await tx
    .select({ cents: sql<number>`coalesce(sum(${billingOutbox.valueCents}), 0)`.mapWith(Number) })
    .from(billingOutbox)
    .where(
      and(
        eq(billingOutbox.accountId, accountId),
        eq(billingOutbox.kind, "meter-event"),
        eq(billingOutbox.state, "delivered"),
        gte(billingOutbox.eventAt, since),
        until === undefined ? undefined : lt(billingOutbox.eventAt, until),
        sql`not exists (select 1 from billing_outbox c where c.kind = 'meter-cancel' and c.identifier = ${billingOutbox.identifier} || ':cancel')`,
      ),
    );
  return row?.cents ?? 0;
}

/** Rows that were tried too long ago to be tried again: from now on they have to be looked for. */
export async function giveOverUnknown(system: Db): Promise<OutboxRow[]> {
  const overdue = sql`${billingOutbox.attempts} > 0 and greatest(${billingOutbox.firstAttemptAt}, ${billingOutbox.soughtAt}) < now() - ${blindForHours} * interval '1 hour'
    and (${billingOutbox.state} = 'pending' or (${billingOutbox.state} = 'sending' and ${billingOutbox.leaseUntil} < now()))`;
  return system
    .update(billingOutbox)
    .set({ state: "reconcile", leaseUntil: null })
    .where(overdue)
    .returning();
}

/** other: somebody else has just begun to send for the account of the row that was next. */
export type ClaimedRow = { kind: "row"; row: OutboxRow } | { kind: "none" } | { kind: "other" };

/**
 * Takes the oldest row that is due, of an account that has a customer and for which nobody is sending. That it is tried is written down before it is, so
 * that a sender that dies leaves a row of which everybody knows.
 */
export async function claimOutboxRow(system: Db): Promise<ClaimedRow> {
  const next = sql`(
    select o.id from billing_outbox o
    where ((o.state = 'pending' and o.next_at <= now()) or (o.state = 'sending' and o.lease_until < now()))
      and exists (select 1 from billing_account b where b.account_id = o.account_id and b.stripe_customer_id is not null)
      and not exists (select 1 from billing_outbox s where s.account_id = o.account_id and s.state = 'sending' and s.id <> o.id)
    order by o.id limit 1 for update skip locked)`;
  try {
    const [row] = await system
      .update(billingOutbox)
      .set({
        state: "sending",
        attempts: sql`${billingOutbox.attempts} + 1`,
        firstAttemptAt: sql`coalesce(${billingOutbox.firstAttemptAt}, now())`,
        leaseUntil: sql`now() + ${leaseSeconds} * interval '1 second'`,
      })
      .where(sql`${billingOutbox.id} = ${next}`)
      .returning();
    return row === undefined ? { kind: "none" } : { kind: "row", row };
  } catch (error) {
    if (isUniqueViolation(error, "billing_outbox_one_sending")) return { kind: "other" };
    throw error;
  }
}

export type OutboxVerdict =
  | { state: "delivered"; via: "ack" | "duplicate" | "reconciled" }
  | { state: "reconcile" | "dead"; problem: string }
  | { state: "pending"; problem: string; delayMs: number };

/** Writes down what came of an attempt; false when another sender has taken the row meanwhile. */
export async function recordVerdict(
  system: Db,
  { id, attempts }: Pick<OutboxRow, "id" | "attempts">,
  verdict: OutboxVerdict,
): Promise<boolean> {
  const rows = await system
    .update(billingOutbox)
    .set({
      state: verdict.state,
      leaseUntil: null,
      ...(verdict.state === "delivered"
        ? { deliveredAt: sql`now()`, deliveredVia: verdict.via, problem: null }
        : { problem: verdict.problem }),
      ...(verdict.state === "pending"
        ? { nextAt: sql`now() + ${verdict.delayMs} * interval '1 millisecond'` }
        : {}),
    })
    .where(
      and(eq(billingOutbox.id, id), eq(billingOutbox.attempts, attempts), eq(billingOutbox.state, "sending")),
    )
    .returning({ id: billingOutbox.id });
  return rows.length > 0;
}
