import { having, mergeMetadata } from "./call.ts";
import type { Handler } from "./call.ts";
import { emit } from "./emit.ts";
import { close, collect, finalize, pay } from "./invoice-life.ts";
import { maybeMember, maybeNumber, maybeText, member, members, number, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { complete } from "./shape-object.ts";
import { invalid } from "./stripe-error.ts";
import { all, get, newId, save } from "./world.ts";

/** Invoices, the items that wait for one, and credit notes. */
export const invoices: Readonly<Record<string, Handler>> = {
  "Invoices.retrieve": ({ world, id }) => get(world, "invoice", id),
  "Invoices.list": ({ world, params }) => {
    const subscription = maybeText(params, "subscription");
    return having(all(world, "invoice"), params, ["customer", "status", "collection_method"]).filter(
      (one) => subscription === null || subscriptionOf(one) === subscription,
    );
  },
  "Invoices.listLineItems": ({ world, id }) => members(member(get(world, "invoice", id), "lines"), "data"),
  "Invoices.finalizeInvoice": ({ world, id, params }) => {
    const invoice = get(world, "invoice", id);
    finalize(world, invoice);
    if (params["auto_advance"] !== false) collect(world, invoice);
    return invoice;
  },
  "Invoices.pay": ({ world, id, params }) => {
    const invoice = get(world, "invoice", id);
    const odd = Object.keys(params).find(
      (name) => !["paid_out_of_band", "expand", "off_session"].includes(name),
    );
    if (odd !== undefined) throw new Error(`The stand-in does not model ${odd} of a payment.`);
    pay(world, invoice, params["paid_out_of_band"] === true);
    return invoice;
  },
  "Invoices.voidInvoice": ({ world, id }) => {
    const invoice = get(world, "invoice", id);
    close(world, invoice, "void");
    return invoice;
  },
  "Invoices.markUncollectible": ({ world, id }) => {
    const invoice = get(world, "invoice", id);
    close(world, invoice, "uncollectible");
    return invoice;
  },
  "InvoiceItems.create": ({ world, params }) => {
    const customer = text(get(world, "customer", params["customer"], "customer"), "id");
    const odd = Object.keys(params).find((name) => !itemFields.has(name));
    if (odd !== undefined) throw new Error(`The stand-in does not model an invoice item's ${odd}.`);
    if (params["amount"] === undefined) throw missingParam("amount");
    if (params["currency"] === undefined) throw missingParam("currency");
    const now = world.clock.now();
    const item = complete("InvoiceItems:InvoiceItem", {
      id: newId("ii"),
      object: "invoiceitem",
      amount: number(params, "amount"),
      currency: text(params, "currency"),
      customer,
      date: now,
      description: params["description"] ?? null,
      discountable: params["discountable"] ?? number(params, "amount") >= 0,
      invoice: null,
      livemode: false,
      metadata: {},
      period: params["period"] ?? { start: now, end: now },
      proration: false,
      quantity: 1,
      quantity_decimal: "1",
      tax_rates: [],
    });
    mergeMetadata(item, params["metadata"]);
    return save(world, item);
  },
  "InvoiceItems.retrieve": ({ world, id }) => get(world, "invoiceitem", id),
  "InvoiceItems.list": ({ world, params }) =>
    having(all(world, "invoiceitem"), params, ["customer", "invoice"]).filter(
      (one) => params["pending"] === undefined || params["pending"] === (one["invoice"] === null),
    ),
  "InvoiceItems.del": ({ world, id }) => {
    const item = get(world, "invoiceitem", id);
    if (item["invoice"] !== null)
      throw invalid("You can't delete an invoice item that is attached to an invoice.");
    world.objects.delete(id);
    return { id, object: "invoiceitem", deleted: true };
  },
  "CreditNotes.create": ({ world, params, requestId }) => {
    const invoice = get(world, "invoice", params["invoice"], "invoice");
    const note = makeNote(invoice, params, { id: newId("cn"), now: world.clock.now(), requestId });
    save(world, note);
    emit(world, "credit_note.created", note);
    return note;
  },
  "CreditNotes.retrieve": ({ world, id }) => get(world, "credit_note", id),
  "CreditNotes.list": ({ world, params }) =>
    having(all(world, "credit_note"), params, ["customer", "invoice"]),
};

const itemFields = new Set([
  ...["customer", "amount", "currency", "description", "metadata", "period", "discountable", "expand"],
]);

/** A note on an open invoice lowers what is due; on a paid one it must say where the money goes. */
function makeNote(
  invoice: JsonObject,
  params: JsonObject,
  made: { id: string; now: number; requestId: string },
): JsonObject {
  if (params["lines"] !== undefined)
    throw new Error("The stand-in models credit notes by amount, not by lines.");
  const amount = maybeNumber(params, "amount");
  if (amount === null) throw missingParam("amount");
  const status = text(invoice, "status");
  const isPaid = status === "paid";
  if (!isPaid && status !== "open") {
    throw invalid(`You can only create a credit note for an open or paid invoice; this one is ${status}.`);
  }
  const given = ["credit_amount", "refund_amount", "out_of_band_amount"].map(
    (name) => maybeNumber(params, name) ?? 0,
  );
  const left = isPaid
    ? number(invoice, "amount_paid") - number(invoice, "post_payment_credit_notes_amount")
    : number(invoice, "amount_remaining");
  if (amount <= 0 || amount > left) {
    throw invalid(`The sum of credit amount must be at most ${left}.`, { param: "amount" });
  }
  if (isPaid && given.reduce((sum, one) => sum + one, 0) !== amount) {
    throw invalid(
      "The sum of credit amount, refund amount and out of band amount must equal the post payment amount.",
    );
  }
  const counted = isPaid ? "post_payment_credit_notes_amount" : "pre_payment_credit_notes_amount";
  invoice[counted] = number(invoice, counted) + amount;
  if (!isPaid) invoice["amount_remaining"] = left - amount;
  const note = complete("CreditNotes:CreditNote", {
    id: made.id,
    object: "credit_note",
    amount,
    amount_shipping: 0,
    created: made.now,
    currency: text(invoice, "currency"),
    customer: text(invoice, "customer"),
    discount_amount: 0,
    effective_at: made.now,
    invoice: text(invoice, "id"),
    lines: { object: "list", data: [], has_more: false, url: `/v1/credit_notes/${made.id}/lines` },
    livemode: false,
    memo: params["memo"] ?? null,
    metadata: {},
    number: `${text(invoice, "number")}-CN-01`,
    out_of_band_amount: maybeNumber(params, "out_of_band_amount"),
    pdf: `https://pay.stripe.com/credit_notes/acct_standin/test_${made.id}/pdf`,
    post_payment_amount: isPaid ? amount : 0,
    pre_payment_amount: isPaid ? 0 : amount,
    reason: params["reason"] ?? null,
    status: "issued",
    subtotal: amount,
    subtotal_excluding_tax: amount,
    total: amount,
    total_excluding_tax: amount,
    total_taxes: [],
    type: isPaid ? "post_payment" : "pre_payment",
  });
  mergeMetadata(note, params["metadata"]);
  return note;
}

function subscriptionOf(invoice: JsonObject): string | null {
  return maybeText(maybeMember(maybeMember(invoice, "parent"), "subscription_details"), "subscription");
}

function missingParam(param: string): Error {
  return invalid(`Missing required param: ${param}.`, { code: "parameter_missing", param });
}
