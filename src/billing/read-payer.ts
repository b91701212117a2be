import Stripe from "stripe";
import type { Payer } from "./payer-store.ts";

/** What Stripe says now; it replaces what the row said, so that the order of events does not matter. */
export type PayerReading = Pick<
  Payer,
  | "stripeCustomerId"
  | "subscriptionId"
  | "subscriptionStatus"
  | "collectionPaused"
  | "endsAt"
  | "trialEndsAt"
  | "pastDueSince"
  | "periodStart"
  | "periodEnd"
  | "openDisputes"
  | "writtenOff"
> & {
  /** Further subscriptions that are paid for beside the one that counts: somebody has to look. */
  surplus: string[];
};

type Before = Pick<Payer, "pastDueSince" | "openDisputes"> & { stripeCustomerId: string };

const noPlan = {
  ...{ subscriptionId: null, subscriptionStatus: null, collectionPaused: false },
  ...{ endsAt: null, trialEndsAt: null, pastDueSince: null, periodStart: null, periodEnd: null },
} as const;

/** Reads a customer whole: its subscriptions, what is overdue or written off, and the disputes that were open. */
export async function readPayer(
  stripe: Stripe,
  { before, disputeIds, now }: { before: Before; disputeIds: readonly string[]; now: Date },
): Promise<PayerReading> {
  const customer = await stripe.customers.retrieve(before.stripeCustomerId);
  const openDisputes = await readDisputes(stripe, [...before.openDisputes, ...disputeIds]);
  if (customer.deleted === true)
    return { ...noPlan, stripeCustomerId: null, openDisputes, writtenOff: false, surplus: [] };
  const subscriptions = await stripe.subscriptions
    .list({ customer: customer.id, status: "all", limit: 100 })
    .autoPagingToArray({ limit: 1_000 });
  const lost = await stripe.invoices.list({ customer: customer.id, status: "uncollectible", limit: 1 });
  const common = { stripeCustomerId: customer.id, openDisputes, writtenOff: lost.data.length > 0 };
  const { plan, surplus } = choosePlan(subscriptions);
  if (plan === null) return { ...noPlan, ...common, surplus };
  return {
    ...factsOf(plan),
    ...common,
    pastDueSince: await readPastDue(stripe, plan, { before, now }),
    surplus,
  };
}

const ended: ReadonlySet<string> = new Set(["canceled", "incomplete_expired"]);

type Choosable = Pick<Stripe.Subscription, "id" | "status" | "created">;

/**
 * The subscription that counts: the oldest of those that live, else of those whose first payment is open, else the one that was
 * made last. A status that is not known counts as alive.
 */
export function choosePlan<S extends Choosable>(
  subscriptions: readonly S[],
): { plan: S | null; surplus: string[] } {
  const byAge = subscriptions.toSorted((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
  const live = byAge.filter(({ status }) => !ended.has(status) && status !== "incomplete");
  const plan = live[0] ?? byAge.findLast(({ status }) => status === "incomplete") ?? byAge.at(-1) ?? null;
  return { plan, surplus: live.slice(1).map(({ id }) => id) };
}

function factsOf(plan: Stripe.Subscription) {
  const items = plan.items.data;
  // The usage that is charged falls into the metered item's period.
  const item = items.find(({ price }) => price.recurring?.usage_type === "metered") ?? items[0];
  const end = item?.current_period_end ?? null;
  const endsAt = plan.ended_at ?? plan.cancel_at ?? (plan.cancel_at_period_end ? end : null);
  return {
    subscriptionId: plan.id,
    subscriptionStatus: plan.status,
    collectionPaused: plan.pause_collection !== null,
    endsAt: toDate(endsAt),
    trialEndsAt: toDate(plan.trial_end),
    periodStart: toDate(item?.current_period_start ?? null),
    periodEnd: toDate(end),
  };
}

const overdue: ReadonlySet<string> = new Set(["past_due", "unpaid"]);

/** Stripe does not say since when: it is as long as the oldest invoice is open that it tried to collect. */
async function readPastDue(
  stripe: Stripe,
  plan: Stripe.Subscription,
  { before, now }: { before: Before; now: Date },
): Promise<Date | null> {
  if (!overdue.has(plan.status)) return null;
  const open = await stripe.invoices.list({ subscription: plan.id, status: "open", limit: 100 });
  const since = open.data
    .filter(({ attempted }) => attempted)
    .map((invoice) => invoice.status_transitions.finalized_at ?? invoice.created);
  if (since.length > 0) return toDate(Math.min(...since));
  return before.pastDueSince ?? now;
}

const decided: ReadonlySet<string> = new Set(["won", "lost", "prevented", "warning_closed"]);

async function readDisputes(stripe: Stripe, ids: readonly string[]): Promise<string[]> {
  const open: string[] = [];
  for (const id of new Set(ids)) {
    const dispute = await stripe.disputes.retrieve(id);
    if (!decided.has(dispute.status)) open.push(id);
  }
  return open.toSorted();
}

const toDate = (seconds: number | null): Date | null => (seconds === null ? null : new Date(seconds * 1000));
