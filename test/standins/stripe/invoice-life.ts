import { difference, emit } from "./emit.ts";
import { setLines, pendingLine, usageLines } from "./invoice-render.ts";
import { maybeMember, maybeText, member, members, number, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { complete } from "./shape-object.ts";
import { StripeRefusal, invalid } from "./stripe-error.ts";
import { all, newId, save } from "./world.ts";
import type { UsagePart, World } from "./world.ts";

export type InvoicePlan = {
  subscription: JsonObject;
  reason: "subscription_create" | "subscription_cycle" | "subscription_threshold" | "subscription_update";
  fixed: JsonObject[];
  usage: UsagePart[];
  periodStart: number;
  periodEnd: number;
  /** Drafts that finalize by themselves do so after the grace period. */
  advances: boolean;
};

/** Makes a draft invoice and tells the webhooks. Pending invoice items of the customer come along. */
export function draftInvoice(world: World, plan: InvoicePlan): JsonObject {
  const { subscription } = plan;
  const customer = world.objects.get(text(subscription, "customer")) ?? {};
  const invoice = complete("Invoices:Invoice", {
    id: newId("in"),
    object: "invoice",
    account_country: "DE",
    account_name: "Stand-in",
    amount_overpaid: 0,
    amount_paid: 0,
    amount_shipping: 0,
    attempt_count: 0,
    attempted: false,
    auto_advance: plan.advances,
    automatic_tax: complete("Invoices:Invoice.AutomaticTax", { enabled: false }),
    automatically_finalizes_at: plan.advances ? world.clock.now() + Math.floor(world.graceMs / 1000) : null,
    billing_reason: plan.reason,
    collection_method: text(subscription, "collection_method"),
    created: world.clock.now(),
    currency: text(subscription, "currency"),
    customer: text(subscription, "customer"),
    customer_email: customer["email"] ?? null,
    customer_name: customer["name"] ?? null,
    customer_tax_exempt: "none",
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: "self" },
    livemode: false,
    metadata: {},
    parent: {
      quote_details: null,
      subscription_details: complete("Invoices:Invoice.Parent.SubscriptionDetails", {
        metadata: structuredClone(maybeMember(subscription, "metadata")),
        subscription: text(subscription, "id"),
      }),
      type: "subscription_details",
    },
    payment_settings: complete("Invoices:Invoice.PaymentSettings", {}),
    period_end: plan.periodEnd,
    period_start: plan.periodStart,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    starting_balance: 0,
    status: "draft",
    status_transitions: complete("Invoices:Invoice.StatusTransitions", {}),
    total_discount_amounts: [],
    total_pretax_credit_amounts: [],
    total_taxes: [],
  });
  const pending = all(world, "invoiceitem").filter(
    (one) => one["customer"] === subscription["customer"] && one["invoice"] === null,
  );
  for (const item of pending) item["invoice"] = text(invoice, "id");
  world.usage.set(text(invoice, "id"), plan.usage);
  const counted = plan.usage.flatMap((part) => usageLines(world, part));
  setLines(invoice, [...plan.fixed, ...pending.map(pendingLine), ...counted]);
  save(world, invoice);
  subscription["latest_invoice"] = text(invoice, "id");
  emit(world, "invoice.created", invoice);
  return invoice;
}

/** Counts the usage a last time and opens the invoice; nothing to collect counts as paid. */
export function finalize(world: World, invoice: JsonObject): void {
  if (invoice["status"] !== "draft") {
    throw invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.", {
      code: "invoice_not_editable",
    });
  }
  const id = text(invoice, "id");
  const isCounted = (line: JsonObject) => (world.usage.get(id) ?? []).some((part) => isLineOf(line, part));
  const fixed = members(member(invoice, "lines"), "data").filter((line) => !isCounted(line));
  const usage = (world.usage.get(id) ?? []).flatMap((part) => usageLines(world, part));
  setLines(invoice, [...fixed, ...usage]);
  const number = all(world, "invoice").filter((one) => one["number"] !== null).length + 1;
  Object.assign(invoice, {
    status: "open",
    number: `STANDIN-${String(number).padStart(4, "0")}`,
    automatically_finalizes_at: null,
    effective_at: world.clock.now(),
    ending_balance: 0,
    hosted_invoice_url: `https://invoice.stripe.com/i/acct_standin/test_${id}`,
    invoice_pdf: `https://pay.stripe.com/invoice/acct_standin/test_${id}/pdf`,
  });
  member(invoice, "status_transitions")["finalized_at"] = world.clock.now();
  emit(world, "invoice.finalized", invoice);
}

/** Collects an open invoice from the customer's card; says how it went. */
export function collect(world: World, invoice: JsonObject): "paid" | "failed" | "waits" {
  if (number(invoice, "amount_remaining") === 0) {
    markPaid(world, invoice);
    return "paid";
  }
  if (invoice["collection_method"] === "send_invoice") return "waits";
  const card = world.cards.get(text(invoice, "customer")) ?? "declines";
  invoice["attempted"] = true;
  invoice["attempt_count"] = number(invoice, "attempt_count") + 1;
  if (card === "good") {
    markPaid(world, invoice);
    return "paid";
  }
  if (card === "needs-action") emit(world, "invoice.payment_action_required", invoice);
  emit(world, "invoice.payment_failed", invoice);
  setStatusOf(world, invoice, (status) =>
    status === "active" || status === "trialing" ? "past_due" : status,
  );
  return "failed";
}

/** `invoices.pay`: 402 where the card refuses. */
export function pay(world: World, invoice: JsonObject, outOfBand: boolean): void {
  if (invoice["status"] === "paid")
    throw invalid("Invoice is already paid", { code: "invoice_already_paid" });
  if (invoice["status"] === "draft") finalize(world, invoice);
  if (invoice["status"] !== "open" && invoice["status"] !== "uncollectible") {
    throw invalid(`This invoice is ${text(invoice, "status")} and can't be paid.`);
  }
  if (outOfBand) markPaid(world, invoice);
  else if (collect(world, invoice) === "failed") {
    throw new StripeRefusal({
      status: 402,
      type: "card_error",
      code:
        world.cards.get(text(invoice, "customer")) === "needs-action"
          ? "invoice_payment_intent_requires_action"
          : "card_declined",
      message: "Your card was declined.",
    });
  }
}

export function close(world: World, invoice: JsonObject, status: "void" | "uncollectible"): void {
  if (invoice["status"] !== "open" && !(status === "void" && invoice["status"] === "uncollectible")) {
    throw invalid(`You can only pass in open invoices. This invoice isn't open.`);
  }
  invoice["status"] = status;
  const at = status === "void" ? "voided_at" : "marked_uncollectible_at";
  member(invoice, "status_transitions")[at] = world.clock.now();
  if (status === "void") invoice["amount_remaining"] = 0;
  emit(world, status === "void" ? "invoice.voided" : "invoice.marked_uncollectible", invoice);
}

function markPaid(world: World, invoice: JsonObject): void {
  const due = number(invoice, "amount_remaining");
  Object.assign(invoice, {
    status: "paid",
    amount_paid: number(invoice, "amount_paid") + due,
    amount_remaining: 0,
    attempted: true,
    auto_advance: false,
  });
  member(invoice, "status_transitions")["paid_at"] = world.clock.now();
  emit(world, "invoice.paid", invoice);
  emit(world, "invoice.payment_succeeded", invoice);
  setStatusOf(world, invoice, (status) =>
    status === "past_due" || status === "incomplete" || status === "unpaid" ? "active" : status,
  );
}

/** Only the latest invoice of a subscription decides about its status. */
function setStatusOf(world: World, invoice: JsonObject, next: (status: string) => string): void {
  const details = maybeMember(maybeMember(invoice, "parent"), "subscription_details");
  const subscription = world.objects.get(maybeText(details, "subscription") ?? "");
  if (subscription === undefined || subscription["latest_invoice"] !== invoice["id"]) return;
  const before = structuredClone(subscription);
  subscription["status"] = next(text(subscription, "status"));
  if (before["status"] === subscription["status"]) return;
  emit(world, "customer.subscription.updated", subscription, difference(before, subscription));
}

function isLineOf(line: JsonObject, part: UsagePart): boolean {
  const details = maybeMember(maybeMember(line, "parent"), "subscription_item_details");
  return details["subscription_item"] === part.item["id"];
}
