import { apply, having, mergeMetadata } from "./call.ts";
import type { Call, Handler } from "./call.ts";
import { difference, emit } from "./emit.ts";
import { isObject, maybeMember, maybeNumber, maybeText, member, members, number, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { itemOf, itemsOf, makeSubscription, periodOf } from "./make-subscription.ts";
import { isMetered } from "./rate.ts";
import { StripeRefusal, invalid } from "./stripe-error.ts";
import { cancelNow } from "./subscription-life.ts";
import { all, get } from "./world.ts";
import type { World } from "./world.ts";

const created = new Set([
  ...["customer", "items", "metadata", "billing_mode", "trial_end", "trial_period_days", "collection_method"],
  ...[
    "payment_behavior",
    "default_payment_method",
    "description",
    "days_until_due",
    "expand",
    "billing_thresholds",
  ],
]);
const updated = new Set([
  ...["metadata", "cancel_at_period_end", "cancel_at", "billing_thresholds", "pause_collection", "items"],
  ...["default_payment_method", "description", "cancellation_details", "proration_behavior", "expand"],
]);

export const subscriptions: Readonly<Record<string, Handler>> = {
  "Subscriptions.create": create,
  "Subscriptions.retrieve": ({ world, id }) => get(world, "subscription", id),
  "Subscriptions.update": update,
  "Subscriptions.cancel": ({ world, id, params }) => {
    const subscription = get(world, "subscription", id);
    if (subscription["ended_at"] !== null) throw noLonger(id);
    if (params["prorate"] === true) throw new Error("The stand-in does not model proration.");
    apply(member(subscription, "cancellation_details"), maybeMember(params, "cancellation_details"), [
      "comment",
      "feedback",
    ]);
    cancelNow(world, subscription, { invoiceNow: params["invoice_now"] === true });
    return subscription;
  },
  "Subscriptions.list": ({ world, params }) => {
    const status = maybeText(params, "status");
    const found = all(world, "subscription").filter((one) => {
      if (status === "all") return true;
      if (status === "ended") return one["ended_at"] !== null;
      // Without a status, Stripe lists what is not cancelled.
      return status === null ? one["status"] !== "canceled" : one["status"] === status;
    });
    const price = maybeText(params, "price");
    return having(found, params, ["customer", "collection_method"]).filter(
      (one) => price === null || itemsOf(one).some((item) => member(item, "price")["id"] === price),
    );
  },
  "Subscriptions.resume": ({ world, id }) => {
    const subscription = get(world, "subscription", id);
    if (subscription["status"] !== "paused") {
      throw invalid("You can only resume a subscription with the status `paused`.");
    }
    const before = structuredClone(subscription);
    subscription["status"] = "active";
    emit(world, "customer.subscription.resumed", subscription);
    emit(world, "customer.subscription.updated", subscription, difference(before, subscription));
    return subscription;
  },
};

function create({ world, params }: Call): JsonObject {
  refuseUnmodelled(params, created);
  const customer = text(get(world, "customer", params["customer"], "customer"), "id");
  const items = members(params, "items").map((item, index) => readItem(world, item, index));
  if (items.length === 0)
    throw invalid("Missing required param: items.", { code: "parameter_missing", param: "items" });
  const trialDays = maybeNumber(params, "trial_period_days");
  const trialEnd =
    maybeNumber(params, "trial_end") ?? (trialDays === null ? null : world.clock.now() + trialDays * 86_400);
  const collectionMethod =
    params["collection_method"] === "send_invoice" ? "send_invoice" : "charge_automatically";
  const behavior = maybeText(params, "payment_behavior");
  if (collectionMethod === "send_invoice" && params["days_until_due"] === undefined) {
    throw invalid("`days_until_due` must be given for `send_invoice`.", { param: "days_until_due" });
  }
  takeCard(world, customer, params);
  const card = world.cards.get(customer);
  const waits = behavior === "default_incomplete" || collectionMethod === "send_invoice" || trialEnd !== null;
  if (card === undefined && !waits) {
    throw invalid(
      "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
      { code: "resource_missing" },
    );
  }
  if (behavior === "error_if_incomplete" && card !== "good") {
    throw new StripeRefusal({
      status: 402,
      type: "card_error",
      code: "card_declined",
      message: "Your card was declined.",
    });
  }
  return makeSubscription(world, {
    customer,
    items,
    metadata: maybeMember(params, "metadata"),
    billingMode: maybeMember(params, "billing_mode")["type"] === "classic" ? "classic" : "flexible",
    trialEnd,
    collectionMethod,
    paysLater: behavior === "default_incomplete",
    more: {
      description: params["description"] ?? null,
      days_until_due: params["days_until_due"] ?? null,
      default_payment_method: params["default_payment_method"] ?? null,
      billing_thresholds: thresholdsOf(params),
    },
  });
}

function update({ world, id, params }: Call): JsonObject {
  refuseUnmodelled(params, updated);
  const subscription = get(world, "subscription", id);
  const before = structuredClone(subscription);
  if (subscription["ended_at"] !== null) {
    const odd = Object.keys(params).find(
      (name) => !["metadata", "cancellation_details", "expand"].includes(name),
    );
    if (odd !== undefined) {
      throw invalid("A canceled subscription can only update its cancellation_details and metadata.");
    }
  }
  mergeMetadata(subscription, params["metadata"]);
  apply(subscription, params, ["description", "cancel_at"]);
  apply(member(subscription, "cancellation_details"), maybeMember(params, "cancellation_details"), [
    "comment",
    "feedback",
  ]);
  takeCard(world, text(subscription, "customer"), params);
  apply(subscription, params, ["default_payment_method"]);
  if (params["billing_thresholds"] !== undefined) subscription["billing_thresholds"] = thresholdsOf(params);
  if (params["pause_collection"] !== undefined) {
    subscription["pause_collection"] = isObject(params["pause_collection"])
      ? {
          behavior: text(params["pause_collection"], "behavior"),
          resumes_at: params["pause_collection"]["resumes_at"] ?? null,
        }
      : null;
  }
  if (typeof params["cancel_at_period_end"] === "boolean") {
    const ends = params["cancel_at_period_end"];
    subscription["cancel_at_period_end"] = ends;
    subscription["cancel_at"] = ends ? periodOf(subscription).end : null;
    subscription["canceled_at"] = ends ? world.clock.now() : null;
    member(subscription, "cancellation_details")["reason"] = ends ? "cancellation_requested" : null;
  }
  if (params["items"] !== undefined) changeItems(world, subscription, members(params, "items"));
  emit(world, "customer.subscription.updated", subscription, difference(before, subscription));
  return subscription;
}

/** Items are changed by id or added; what it costs in between is proration, which is not modelled. */
function changeItems(world: World, subscription: JsonObject, changes: JsonObject[]): void {
  const id = text(subscription, "id");
  const items = itemsOf(subscription);
  for (const [index, change] of changes.entries()) {
    const at = items.findIndex((item) => item["id"] === change["id"]);
    if (change["id"] !== undefined && at < 0) {
      throw invalid(`No such subscription item: '${text(change, "id")}'`, {
        code: "resource_missing",
        param: `items[${index}][id]`,
      });
    }
    const old = items[at];
    if (change["deleted"] === true && old !== undefined) items.splice(at, 1);
    else if (change["price"] === undefined && old !== undefined) apply(old, change, ["quantity"]);
    else {
      const fresh = itemOf(world, id, readItem(world, change, index), periodOf(subscription));
      if (old === undefined) items.push(fresh);
      else {
        fresh["id"] = text(old, "id");
        items[at] = fresh;
      }
    }
  }
  member(subscription, "items")["data"] = items;
}

function readItem(
  world: World,
  item: JsonObject,
  index: number,
): { price: JsonObject; quantity: number | null; metadata: JsonObject } {
  const price = get(world, "price", item["price"], `items[${index}][price]`);
  if (price["type"] !== "recurring") {
    throw invalid(
      "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
      {
        param: `items[${index}][price]`,
      },
    );
  }
  if (price["active"] !== true) {
    throw invalid("The price specified is inactive. This field only accepts active prices.", {
      param: `items[${index}][price]`,
    });
  }
  if (isMetered(price) && item["quantity"] !== undefined) {
    throw invalid("You cannot set the quantity for metered plans.", { param: `items[${index}][quantity]` });
  }
  const quantity = isMetered(price) ? null : (maybeNumber(item, "quantity") ?? 1);
  return { price, quantity, metadata: maybeMember(item, "metadata") };
}

function thresholdsOf(params: JsonObject): JsonObject | null {
  const given = params["billing_thresholds"];
  if (!isObject(given)) return null;
  if (given["amount_gte"] === undefined)
    throw new Error("The stand-in models billing_thresholds by amount_gte alone.");
  if (number(given, "amount_gte") < 50) {
    throw invalid("amount_gte must be at least 50.", { param: "billing_thresholds[amount_gte]" });
  }
  return {
    amount_gte: number(given, "amount_gte"),
    reset_billing_cycle_anchor: given["reset_billing_cycle_anchor"] ?? false,
  };
}

function takeCard(world: World, customer: string, params: JsonObject): void {
  const method = maybeText(params, "default_payment_method");
  if (method === null) return;
  const found = get(world, "payment_method", method, "default_payment_method");
  const last4 = text(member(found, "card"), "last4");
  world.cards.set(customer, last4 === "0341" ? "declines" : last4 === "3184" ? "needs-action" : "good");
}

function noLonger(id: string): StripeRefusal {
  return new StripeRefusal({
    status: 404,
    type: "invalid_request_error",
    code: "resource_missing",
    message: `No such subscription: '${id}'`,
    param: "id",
  });
}

function refuseUnmodelled(params: JsonObject, known: ReadonlySet<string>): void {
  const odd = Object.keys(params).find((name) => !known.has(name));
  if (odd !== undefined) throw new Error(`The stand-in does not model a subscription's ${odd}.`);
}
