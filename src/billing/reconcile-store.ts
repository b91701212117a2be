import { and, asc, eq, gt, inArray, isNotNull, lt, sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { account, billingAccount, billingOutbox } from "../../db/schema.ts";

/** Charges of one account within one minute, of which nobody knows whether Stripe has them. */
export type UnknownCharges = {
  accountId: string;
  customerId: string;
  since: Date;
  until: Date;
  ids: string[];
  identifiers: string[];
  cents: number;
  /** Others of that minute are still being sent, so nothing can be said yet. */
  unsettled: boolean;
};

const minute = sql<Date>`date_trunc('minute', ${billingOutbox.eventAt})`.mapWith(billingOutbox.eventAt);
const isUnknown = sql`(${billingOutbox.state} = 'reconcile')`;
const isTried = sql`(${billingOutbox.state} in ('pending', 'sending') and ${billingOutbox.attempts} > 0)`;

/** What has to be looked for and came about before then, the oldest first. */
export async function listUnknown(system: Db, { before }: { before: Date }): Promise<UnknownCharges[]> {
  const rows = await system
    .select({
      accountId: billingOutbox.accountId,
      customerId: sql<string>`min(${billingAccount.stripeCustomerId})`,
      since: minute,
      ids: sql<string[]>`array_agg(${billingOutbox.id}::text) filter (where ${isUnknown})`,
      identifiers: sql<
        string[]
      >`array_agg(${billingOutbox.identifier} order by ${billingOutbox.id}) filter (where ${isUnknown})`,
      cents: sql<number>`sum(${billingOutbox.valueCents}) filter (where ${isUnknown})`.mapWith(Number),
      unsettled: sql<boolean>`bool_or(${isTried})`,
    })
    .from(billingOutbox)
    .innerJoin(billingAccount, eq(billingAccount.accountId, billingOutbox.accountId))
    .where(
      and(
        eq(billingOutbox.kind, "meter-event"),
        lt(billingOutbox.eventAt, before),
        isNotNull(billingAccount.stripeCustomerId),
        inArray(billingOutbox.state, ["reconcile", "pending", "sending"]),
      ),
    )
    .groupBy(billingOutbox.accountId, minute)
    .having(sql`bool_or(${isUnknown})`)
    .orderBy(asc(minute));
  return rows.map((row) => ({ ...row, until: new Date(row.since.getTime() + 60_000) }));
}

/** Writes down that Stripe has them. */
export async function settleArrived(system: Db, ids: readonly string[]): Promise<void> {
  await system
    .update(billingOutbox)
    .set({ state: "delivered", deliveredAt: sql`now()`, deliveredVia: "reconciled", problem: null })
    .where(and(inArray(billingOutbox.id, [...ids]), eq(billingOutbox.state, "reconcile")));
}

/** Lets them be sent again, because they were looked for and are not there; answers those that can be. */
export async function sendAgain(system: Db, ids: readonly string[]): Promise<{ identifier: string }[]> {
  return system
    .update(billingOutbox)
    .set({ state: "pending", soughtAt: sql`now()`, nextAt: sql`now()` })
    .where(and(inArray(billingOutbox.id, [...ids]), inArray(billingOutbox.state, ["reconcile", "dead"])))
    .returning({ identifier: billingOutbox.identifier });
}

/** An account with a customer whose use since the beginning of its period was sent at least in part. */
export type BilledAccount = { accountId: string; login: string; customerId: string; since: Date };

export async function listBilledAccounts(system: Db): Promise<BilledAccount[]> {
  const since =
    sql<Date>`date_trunc('minute', coalesce(${billingAccount.periodStart}, date_trunc('month', now() at time zone 'utc') at time zone 'utc'))`.mapWith(
      billingOutbox.eventAt,
    );
  const sent = system
    .select({ one: sql`1` })
    .from(billingOutbox)
    .where(
      and(
        eq(billingOutbox.accountId, billingAccount.accountId),
        gt(billingOutbox.attempts, 0),
        sql`${billingOutbox.eventAt} >= ${since}`,
      ),
    );
  const rows = await system
    .select({
      accountId: account.id,
      login: account.login,
      customerId: sql<string>`${billingAccount.stripeCustomerId}`,
      since,
    })
    .from(billingAccount)
    .innerJoin(account, eq(account.id, billingAccount.accountId))
    .where(and(isNotNull(billingAccount.stripeCustomerId), sql`exists ${sent}`))
    .orderBy(asc(account.login));
  return rows;
}
