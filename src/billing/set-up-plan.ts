import Stripe from "stripe";
import { UserError } from "../errors.ts";
import { findMeter } from "./find-meter.ts";
import { planNames, planTerms } from "./plan-names.ts";

/** A part of the plan at Stripe. `id`: null where it would have been made by a run that makes anything. */
export type PlanPart = { name: string; id: string | null; made: boolean };

type Make = { name: string; make: () => Promise<{ id: string }> };

const { lookupKeys, eventName, productId, portalKey } = planNames;

/**
 * Makes at Stripe what the plan consists of, and leaves alone what is there: found by meter event, product id and lookup keys, so that a
 * second run makes nothing. `dryRun` makes nothing either. UserError where Stripe refuses, or something under our name is not ours.
 */
export async function setUpPlan(stripe: Stripe, options: { dryRun: boolean }): Promise<PlanPart[]> {
  try {
    return await makeMissing(stripe, options);
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    throw new UserError(
      "stripe-refused",
      `Stripe did not do it (${error.type}): ${error.message}`,
      "Check STRIPE_SECRET_KEY and what it may do, then run the set-up again: what is there already stays.",
    );
  }
}

async function makeMissing(stripe: Stripe, { dryRun }: { dryRun: boolean }): Promise<PlanPart[]> {
  const parts: PlanPart[] = [];
  const settle = async (found: { id: string } | undefined, { name, make }: Make) => {
    const id = found?.id ?? (dryRun ? null : (await make()).id);
    parts.push({ name, id, made: found === undefined });
    return id;
  };
  const meter = await settle(await findMeter(stripe), {
    ...{ name: `meter ${eventName}`, make: () => createMeter(stripe) },
  });
  const product = await settle(await findProduct(stripe), {
    ...{ name: `product ${productId}`, make: () => createProduct(stripe) },
  });
  const prices = await findPrices(stripe);
  await settle(prices.base, {
    name: `price ${lookupKeys.base}`,
    make: () => stripe.prices.create(basePrice(made(product))),
  });
  checkMeter(prices.usage, meter);
  await settle(prices.usage, {
    name: `price ${lookupKeys.usage}`,
    make: () => stripe.prices.create(usagePrice(made(product), made(meter))),
  });
  await settle(await findPortal(stripe), { name: `portal ${portalKey}`, make: () => createPortal(stripe) });
  return parts;
}

/** The portal's configuration that the set-up made; undefined: Stripe's default one is used. */
export async function findPortal(stripe: Stripe): Promise<Stripe.BillingPortal.Configuration | undefined> {
  const { data } = await stripe.billingPortal.configurations.list({ active: true, limit: 100 });
  return data.find(({ metadata }) => metadata?.[portalKey] === "1");
}

const createMeter = (stripe: Stripe) =>
  stripe.billing.meters.create({
    ...{ display_name: "Remote Claude: usage in cents", event_name: eventName },
    default_aggregation: { formula: "sum" },
    customer_mapping: { type: "by_id", event_payload_key: "stripe_customer_id" },
    value_settings: { event_payload_key: "value" },
  });

async function findProduct(stripe: Stripe): Promise<Stripe.Product | undefined> {
  const { data } = await stripe.products.list({ ids: [productId] });
  return data[0];
}

const createProduct = (stripe: Stripe) =>
  stripe.products.create({ id: productId, name: "Remote Claude", unit_label: "cent" });

async function findPrices(stripe: Stripe) {
  const { data } = await stripe.prices.list({
    ...{ lookup_keys: [lookupKeys.base, lookupKeys.usage], active: true },
  });
  const of = (key: string) => data.find(({ lookup_key: own }) => own === key);
  return { base: of(lookupKeys.base), usage: of(lookupKeys.usage) };
}

const basePrice = (product: string): Stripe.PriceCreateParams => ({
  ...{ product, currency: planTerms.currency, unit_amount: planTerms.baseCents, lookup_key: lookupKeys.base },
  recurring: { interval: "month" },
});

/** What the monthly fee includes costs nothing; every cent above it is a cent. */
const usagePrice = (product: string, meter: string): Stripe.PriceCreateParams => ({
  ...{ product, currency: planTerms.currency, lookup_key: lookupKeys.usage },
  ...{ billing_scheme: "tiered", tiers_mode: "graduated" },
  recurring: { interval: "month", usage_type: "metered", meter },
  tiers: [
    { up_to: planTerms.baseCents, unit_amount: 0 },
    { up_to: "inf", unit_amount: 1 },
  ],
});

const createPortal = (stripe: Stripe) =>
  stripe.billingPortal.configurations.create({
    name: "Remote Claude",
    metadata: { [portalKey]: "1" },
    features: {
      payment_method_update: { enabled: true },
      invoice_history: { enabled: true },
      customer_update: { enabled: true, allowed_updates: ["email", "address", "tax_id"] },
      // At once would discard what was used and not invoiced yet.
      subscription_cancel: { enabled: true, mode: "at_period_end" },
      subscription_update: { enabled: false },
    },
  });

function checkMeter(usage: Stripe.Price | undefined, meter: string | null): void {
  const counted = usage?.recurring?.meter ?? null;
  if (usage === undefined || (counted === meter && meter !== null)) return;
  throw new UserError(
    "plan-not-ours",
    `Expected the price ${lookupKeys.usage} (${usage.id}) to count the active meter ${eventName} (${meter ?? "there is none"}), but it counts ${counted ?? "nothing"}.`,
    "Reactivate that meter at Stripe, or take the lookup key off the price, and run the set-up again.",
  );
}

function made(id: string | null): string {
  if (id === null) throw new Error("expected a part that was just made");
  return id;
}
