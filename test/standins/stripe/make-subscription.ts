import { emit } from "./emit.ts";
import { collect, draftInvoice, finalize } from "./invoice-life.ts";
import { itemLines } from "./invoice-render.ts";
import { maybeMember, maybeText, member, members, number, text } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { addIntervals } from "./period.ts";
import { intervalOf, isMetered } from "./rate.ts";
import { complete } from "./shape-object.ts";
import { newId, save } from "./world.ts";
import type { UsagePart, World } from "./world.ts";

export type SubscriptionOrder = {
  customer: string;
  items: { price: JsonObject; quantity: number | null; metadata?: JsonObject }[];
  metadata: JsonObject;
  billingMode: "classic" | "flexible";
  /** Unix seconds. */
  trialEnd: number | null;
  collectionMethod: "charge_automatically" | "send_invoice";
  /** The first payment waits for the customer, whatever the card. */
  paysLater: boolean;
  more?: JsonObject;
};

/** Makes a subscription with its first invoice, and collects it. */
export function makeSubscription(world: World, order: SubscriptionOrder): JsonObject {
  const now = world.clock.now();
  const first = order.items[0];
  if (first === undefined) throw new Error("Expected a subscription to have an item, got none.");
  const { interval, count } = intervalOf(first.price);
  const start = now;
  const end = order.trialEnd ?? addIntervals(now, count, interval);
  const id = newId("sub");
  const anchor = order.trialEnd ?? now;
  const subscription = complete("Subscriptions:Subscription", {
    id,
    object: "subscription",
    automatic_tax: complete("Subscriptions:Subscription.AutomaticTax", { enabled: false }),
    billing_cycle_anchor: anchor,
    billing_mode: {
      flexible: order.billingMode === "flexible" ? { proration_discounts: "included" } : null,
      type: order.billingMode,
    },
    cancel_at_period_end: false,
    cancellation_details: complete("Subscriptions:Subscription.CancellationDetails", {}),
    collection_method: order.collectionMethod,
    created: now,
    currency: text(first.price, "currency"),
    customer: order.customer,
    invoice_settings: complete("Subscriptions:Subscription.InvoiceSettings", { issuer: { type: "self" } }),
    items: {
      object: "list",
      data: order.items.map((one) => itemOf(world, id, one, { start, end })),
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    livemode: false,
    metadata: order.metadata,
    start_date: now,
    status: order.trialEnd === null ? "incomplete" : "trialing",
    trial_end: order.trialEnd,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: "create_invoice" },
    },
    trial_start: order.trialEnd === null ? null : now,
    ...order.more,
  });
  save(world, subscription);
  const trial = order.trialEnd !== null;
  world.subscriptions.set(id, { anchor, cycle: trial ? 0 : 1, billed: new Map(), trial });
  firstInvoice(world, subscription, order);
  return subscription;
}

/** Everything fixed of the items, for the period that starts. */
export function fixedLines(
  world: World,
  subscription: JsonObject,
  period: { start: number; end: number },
): JsonObject[] {
  return itemsOf(subscription)
    .filter((item) => !isMetered(member(item, "price")))
    .flatMap((item) => itemLines(world, item, { total: number(item, "quantity"), billed: 0, period }));
}

/** The metered items, to be counted over a period. */
export function usageParts(
  world: World,
  subscription: JsonObject,
  period: { start: number; end: number },
): UsagePart[] {
  const id = text(subscription, "id");
  const billed = world.subscriptions.get(id)?.billed ?? new Map<string, number>();
  return itemsOf(subscription)
    .filter((item) => isMetered(member(item, "price")))
    .map((item) => ({
      item: structuredClone(item),
      customer: text(subscription, "customer"),
      subscription: id,
      from: period.start,
      to: period.end,
      billed: billed.get(text(item, "id")) ?? 0,
    }));
}

export function itemsOf(subscription: JsonObject): JsonObject[] {
  return members(member(subscription, "items"), "data");
}

export function periodOf(subscription: JsonObject): { start: number; end: number } {
  const [item] = itemsOf(subscription);
  if (item === undefined) throw new Error("Expected a subscription to have an item, got none.");
  return { start: number(item, "current_period_start"), end: number(item, "current_period_end") };
}

/** A subscription item as Stripe shows it, with the legacy plan that every price still has. */
export function itemOf(
  world: World,
  subscription: string,
  one: SubscriptionOrder["items"][number],
  period: { start: number; end: number },
): JsonObject {
  const { price } = one;
  const shown: JsonObject = structuredClone(price);
  delete shown["tiers"];
  const quantity: JsonObject = one.quantity === null ? {} : { quantity: one.quantity };
  return complete("SubscriptionItems:SubscriptionItem", {
    id: newId("si"),
    object: "subscription_item",
    created: world.clock.now(),
    current_period_end: period.end,
    current_period_start: period.start,
    metadata: one.metadata ?? {},
    plan: planOf(price),
    price: shown,
    subscription,
    tax_rates: [],
    ...quantity,
  });
}

function planOf(price: JsonObject): JsonObject {
  const recurring = maybeMember(price, "recurring");
  const told = (name: string): Json => price[name] ?? null;
  return {
    id: text(price, "id"),
    object: "plan",
    active: told("active"),
    amount: told("unit_amount"),
    amount_decimal: told("unit_amount_decimal"),
    billing_scheme: told("billing_scheme"),
    created: told("created"),
    currency: told("currency"),
    interval: recurring["interval"] ?? null,
    interval_count: recurring["interval_count"] ?? null,
    livemode: false,
    metadata: {},
    meter: maybeText(recurring, "meter"),
    nickname: told("nickname"),
    product: told("product"),
    tiers_mode: told("tiers_mode"),
    transform_usage: null,
    trial_period_days: null,
    usage_type: recurring["usage_type"] ?? null,
  };
}

function firstInvoice(world: World, subscription: JsonObject, order: SubscriptionOrder): void {
  const period = periodOf(subscription);
  const now = world.clock.now();
  emit(world, "customer.subscription.created", subscription);
  const invoice = draftInvoice(world, {
    subscription,
    reason: "subscription_create",
    fixed: order.trialEnd === null ? fixedLines(world, subscription, period) : [],
    usage: [],
    periodStart: now,
    periodEnd: now,
    advances: false,
  });
  finalize(world, invoice);
  if (order.collectionMethod === "send_invoice") {
    if (subscription["status"] === "incomplete") subscription["status"] = "active";
    return;
  }
  if (order.paysLater && number(invoice, "amount_remaining") > 0) return;
  collect(world, invoice);
}
