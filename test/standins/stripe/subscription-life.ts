import { difference, emit } from "./emit.ts";
import { close, collect, draftInvoice, finalize } from "./invoice-life.ts";
import { usageLines, usageOf } from "./invoice-render.ts";
import { maybeMember, maybeNumber, maybeText, member, number, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { fixedLines, itemsOf, periodOf, usageParts } from "./make-subscription.ts";
import { addIntervals } from "./period.ts";
import { intervalOf } from "./rate.ts";
import type { World } from "./world.ts";

const firstPaymentSeconds = 23 * 60 * 60;
const running = new Set(["trialing", "active", "past_due", "unpaid"]);

/** When something next happens to a subscription by itself, unix seconds. */
export function nextDue(subscription: JsonObject): number {
  if (subscription["status"] === "incomplete") return number(subscription, "created") + firstPaymentSeconds;
  if (!running.has(text(subscription, "status"))) return Number.POSITIVE_INFINITY;
  return Math.min(
    periodOf(subscription).end,
    maybeNumber(subscription, "cancel_at") ?? Number.POSITIVE_INFINITY,
  );
}

/** Does what is due: gives up an unpaid start, ends, or begins the next period. */
export function doDue(world: World, subscription: JsonObject): void {
  if (subscription["status"] === "incomplete") {
    expireStart(world, subscription);
    return;
  }
  const cancelAt = maybeNumber(subscription, "cancel_at") ?? Number.POSITIVE_INFINITY;
  const { end } = periodOf(subscription);
  if (subscription["cancel_at_period_end"] === true || cancelAt <= end) {
    endWithLastInvoice(world, subscription, Math.min(end, cancelAt));
  } else beginPeriod(world, subscription);
}

/** Ends it at once. Usage that no invoice has yet is lost unless `invoiceNow`. */
export function cancelNow(
  world: World,
  subscription: JsonObject,
  { invoiceNow }: { invoiceNow: boolean },
): void {
  const now = world.clock.now();
  if (invoiceNow) {
    const start = periodOf(subscription).start;
    // The second that runs is counted too: `to` is excluded.
    const period = { start, end: now + 1 };
    const invoice = draftInvoice(world, {
      subscription,
      reason: "subscription_update",
      fixed: [],
      usage: usageParts(world, subscription, period),
      periodStart: start,
      periodEnd: now,
      advances: false,
    });
    finalize(world, invoice);
    collect(world, invoice);
  }
  end(world, subscription, now);
}

/** Invoices usage in the middle of a period once it costs what `billing_thresholds` says. */
export function checkThreshold(world: World, subscription: JsonObject): void {
  const limit = maybeNumber(maybeMember(subscription, "billing_thresholds"), "amount_gte");
  const period = periodOf(subscription);
  const now = world.clock.now();
  if (limit === null || subscription["status"] !== "active" || period.end - now < 86_400) return;
  const parts = usageParts(world, subscription, period);
  const lines = parts.flatMap((part) => usageLines(world, part));
  if (lines.reduce((sum, line) => sum + number(line, "amount"), 0) < limit) return;
  const invoice = draftInvoice(world, {
    subscription,
    reason: "subscription_threshold",
    fixed: [],
    usage: parts,
    periodStart: period.start,
    periodEnd: now,
    advances: false,
  });
  finalize(world, invoice);
  const billed = world.subscriptions.get(text(subscription, "id"))?.billed;
  for (const part of parts) billed?.set(text(part.item, "id"), usageOf(world, part));
  collect(world, invoice);
}

function beginPeriod(world: World, subscription: JsonObject): void {
  const state = world.subscriptions.get(text(subscription, "id"));
  const [item] = itemsOf(subscription);
  if (state === undefined || item === undefined)
    throw new Error("Expected the subscription's state, found none.");
  const before = structuredClone(subscription);
  const old = periodOf(subscription);
  const { interval, count } = intervalOf(member(item, "price"));
  const wasTrial = state.trial;
  state.cycle += 1;
  state.trial = false;
  const next = { start: old.end, end: addIntervals(state.anchor, state.cycle * count, interval) };
  const usage = wasTrial ? [] : usageParts(world, subscription, old);
  state.billed.clear();
  for (const one of itemsOf(subscription)) {
    one["current_period_start"] = next.start;
    one["current_period_end"] = next.end;
  }
  if (subscription["status"] === "trialing") subscription["status"] = "active";
  const isHeld = subscription["status"] === "unpaid" || subscription["pause_collection"] !== null;
  draftInvoice(world, {
    subscription,
    reason: "subscription_cycle",
    fixed: fixedLines(world, subscription, next),
    usage,
    periodStart: old.start,
    periodEnd: old.end,
    advances: !isHeld,
  });
  emit(world, "customer.subscription.updated", subscription, difference(before, subscription));
}

function endWithLastInvoice(world: World, subscription: JsonObject, at: number): void {
  const start = periodOf(subscription).start;
  const usage = usageParts(world, subscription, { start, end: at });
  if (usage.length > 0 && subscription["status"] !== "trialing") {
    draftInvoice(world, {
      subscription,
      reason: "subscription_cycle",
      fixed: [],
      usage,
      periodStart: start,
      periodEnd: at,
      advances: subscription["status"] !== "unpaid",
    });
  }
  end(world, subscription, at);
}

function expireStart(world: World, subscription: JsonObject): void {
  const before = structuredClone(subscription);
  subscription["status"] = "incomplete_expired";
  subscription["ended_at"] = world.clock.now();
  const invoice = world.objects.get(maybeText(subscription, "latest_invoice") ?? "");
  if (invoice?.["status"] === "open") close(world, invoice, "void");
  emit(world, "customer.subscription.updated", subscription, difference(before, subscription));
}

function end(world: World, subscription: JsonObject, at: number): void {
  Object.assign(subscription, {
    status: "canceled",
    canceled_at: subscription["canceled_at"] ?? world.clock.now(),
    ended_at: at,
  });
  const details = maybeMember(subscription, "cancellation_details");
  details["reason"] ??= "cancellation_requested";
  emit(world, "customer.subscription.deleted", subscription);
}
