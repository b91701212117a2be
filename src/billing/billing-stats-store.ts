import { sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { billingAccount, billingOutbox, stripeEvent } from "../../db/schema.ts";
import { keyRefused, type OutboxRow } from "./outbox-store.ts";

export type BillingStats = {
  /** How many charges stand in each state that is no end. */
  charges: Record<Exclude<OutboxRow["state"], "delivered" | "superseded">, number>;
  /** How long the oldest charge of an account with a customer has waited, s; 0: none does. */
  oldestSeconds: number;
  /** When Stripe last took a charge; null: never. */
  lastDeliveredAt: Date | null;
  /** The problem of the newest attempt that failed and still waits; null: none did. */
  problem: string | null;
  /** Nothing is sent, because Stripe does not take our key. */
  paused: boolean;
  /** Webhooks of Stripe's that nobody has looked at yet. */
  events: number;
};

/** Where the charges stand on their way to Stripe, in the whole cluster. */
export async function readBillingStats(system: Db): Promise<BillingStats> {
  const count = (state: string) =>
    sql<number>`count(*) filter (where ${billingOutbox.state} = ${state})`.mapWith(Number);
  const waits = sql`${billingOutbox.state} in ('pending', 'sending') and exists (
    select 1 from ${billingAccount} b where b.account_id = ${billingOutbox.accountId} and b.stripe_customer_id is not null)`;
  const [row] = await system
    .select({
      pending: count("pending"),
      sending: count("sending"),
      reconcile: count("reconcile"),
      dead: count("dead"),
      oldestSeconds:
        sql<number>`coalesce(extract(epoch from now() - min(${billingOutbox.createdAt}) filter (where ${waits})), 0)`.mapWith(
          Number,
        ),
      paused:
        sql<boolean>`coalesce(bool_or(${billingOutbox.state} = 'pending' and starts_with(${billingOutbox.problem}, ${keyRefused})), false)`.mapWith(
          Boolean,
        ),
      problem: sql<
        string | null
      >`(array_agg(${billingOutbox.problem} order by ${billingOutbox.nextAt} desc) filter (where ${waits} and ${billingOutbox.problem} is not null))[1]`,
    })
    .from(billingOutbox)
    .where(sql`${billingOutbox.state} in ('pending', 'sending', 'reconcile', 'dead')`);
  const [last] = await system
    .select({ at: sql<Date | null>`max(${billingOutbox.deliveredAt})`.mapWith(billingOutbox.deliveredAt) })
    .from(billingOutbox)
    .where(sql`${billingOutbox.state} = 'delivered'`);
  const events = await system.$count(stripeEvent, sql`${stripeEvent.processedAt} is null`);
  const { pending = 0, sending = 0, reconcile = 0, dead = 0 } = row ?? {};
  return {
    charges: { pending, sending, reconcile, dead },
    ...{
      oldestSeconds: row?.oldestSeconds ?? 0,
      problem: row?.problem ?? null,
      paused: row?.paused ?? false,
    },
    ...{ lastDeliveredAt: last?.at ?? null, events },
  };
}
