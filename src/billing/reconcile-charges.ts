import Stripe from "stripe";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { findMeter } from "./find-meter.ts";
import { sumDelivered } from "./outbox-store.ts";
import {
  listBilledAccounts,
  listUnknown,
  sendAgain,
  settleArrived,
  type BilledAccount,
  type UnknownCharges,
} from "./reconcile-store.ts";

/** What the ledger says was sent of an account's use, and what Stripe says it counted, where they differ; null: it knows no such customer. */
export type Drift = {
  login: string;
  since: Date;
  until: Date;
  ledgerCents: number;
  stripeCents: number | null;
};

export type Reconciliation = {
  /** How many accounts were compared. */
  accounts: number;
  /** Charges, by identifier: Stripe has them after all · it has not, so they are sent again · nobody can say, so a person has to look. */
  arrived: string[];
  sentAgain: string[];
  open: string[];
  drifts: Drift[];
};

type ReconcileDeps = Pick<Deps, "system" | "log" | "clock"> & { stripe: Stripe };

/** Stripe's sums are some minutes behind. */
const lagMs = 3_600_000;

/**
 * Holds the ledger against what Stripe has counted. A charge of which nobody knows whether it arrived is looked for in the sum of
 * its minute: where exactly it is missing it is sent again, where it is exactly there it is settled, anything else is left open.
 * Nothing is ever changed at Stripe. Rejects with a UserError where the plan was not set up.
 */
export async function reconcileCharges(deps: ReconcileDeps): Promise<Reconciliation> {
  const { stripe, system, log } = deps;
  const before = new Date(Math.floor((deps.clock.now().getTime() - lagMs) / 60_000) * 60_000);
  const meter = await findMeter(stripe);
  if (meter === undefined)
    throw new UserError(
      "no-meter",
      "Stripe has no meter for what accounts use.",
      "Run `remote-claude billing setup`.",
    );
  const found: Reconciliation = { accounts: 0, arrived: [], sentAgain: [], open: [], drifts: [] };
  for (const unknown of await listUnknown(system, { before })) {
    const verdict = await lookFor(deps, meter.id, unknown);
    if (verdict === "arrived") await settleArrived(system, unknown.ids);
    if (verdict === "sentAgain") await sendAgain(system, unknown.ids);
    found[verdict].push(...unknown.identifiers);
  }
  for (const account of await listBilledAccounts(system)) {
    found.accounts += 1;
    const drift = await compare(deps, meter.id, account, before);
    if (drift !== null) found.drifts.push(drift);
  }
  if (found.arrived.length + found.sentAgain.length > 0)
    log.info({ arrived: found.arrived, sentAgain: found.sentAgain }, "charges were looked for at Stripe");
  if (found.open.length > 0)
    log.error({ charges: found.open }, "nobody can say whether Stripe has these charges");
  for (const drift of found.drifts) log.error(drift, "Stripe has counted something else than was sent");
  return found;
}

async function lookFor(
  { stripe, system }: ReconcileDeps,
  meterId: string,
  { accountId, customerId, since, until, cents, unsettled }: UnknownCharges,
): Promise<"arrived" | "sentAgain" | "open"> {
  if (unsettled) return "open";
  const [counted, known] = await Promise.all([
    sumCounted(stripe, { meterId, customerId, since, until }),
    sumDelivered(system, { accountId, since, until }),
  ]);
  if (counted === known) return "sentAgain";
  return counted === known + cents ? "arrived" : "open";
}

async function compare(
  { stripe, system }: ReconcileDeps,
  meterId: string,
  { accountId, customerId, login, since }: BilledAccount,
  until: Date,
): Promise<Drift | null> {
  if (since >= until) return null;
  const [stripeCents, ledgerCents] = await Promise.all([
    sumCounted(stripe, { meterId, customerId, since, until }),
    sumDelivered(system, { accountId, since, until }),
  ]);
  return stripeCents === ledgerCents ? null : { login, since, until, ledgerCents, stripeCents };
}

/** What a meter counted for a customer, cents; both times on a whole minute. Null: Stripe does not know the customer any more. */
async function sumCounted(
  stripe: Stripe,
  { meterId, customerId, since, until }: { meterId: string; customerId: string; since: Date; until: Date },
): Promise<number | null> {
  try {
    const { data } = await stripe.billing.meters.listEventSummaries(meterId, {
      customer: customerId,
      start_time: since.getTime() / 1_000,
      end_time: until.getTime() / 1_000,
    });
    return data.reduce((sum, { aggregated_value: value }) => sum + value, 0);
  } catch (error) {
    if (error instanceof Stripe.errors.StripeInvalidRequestError && error.param === "customer") return null;
    throw error;
  }
}
