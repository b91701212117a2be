import { apply, having, mergeMetadata } from "./call.ts";
import type { Handler } from "./call.ts";
import { difference, emit } from "./emit.ts";
import { maybeMember, maybeText, member, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { makeMethod } from "./make-method.ts";
import { complete } from "./shape-object.ts";
import { cancelNow } from "./subscription-life.ts";
import { invalid } from "./stripe-error.ts";
import { all, get, newId, save } from "./world.ts";
import type { Card } from "./world.ts";

/** Stripe's own test cards, as ready payment methods. */
const testCards: Readonly<Record<string, { card: Card; last4: string }>> = {
  pm_card_visa: { card: "good", last4: "4242" },
  pm_card_chargeCustomerFail: { card: "declines", last4: "0341" },
  pm_card_authenticationRequired: { card: "needs-action", last4: "3184" },
};

const fields = [
  "address",
  "description",
  "email",
  "name",
  "phone",
  "shipping",
  "preferred_locales",
  "tax_exempt",
];
const known = new Set([...fields, "metadata", "invoice_settings", "expand"]);

export const customers: Readonly<Record<string, Handler>> = {
  "Customers.create": ({ world, params }) => {
    refuseUnmodelled(params);
    const customer = complete("Customers:Customer", {
      id: newId("cus"),
      object: "customer",
      balance: 0,
      created: world.clock.now(),
      currency: null,
      delinquent: false,
      invoice_prefix: newId("").slice(1, 9).toUpperCase(),
      invoice_settings: complete("Customers:Customer.InvoiceSettings", {}),
      livemode: false,
      metadata: {},
      name: null,
      next_invoice_sequence: 1,
      phone: null,
      preferred_locales: [],
      tax_exempt: "none",
      test_clock: null,
    });
    change(customer, params);
    save(world, customer);
    emit(world, "customer.created", customer);
    return customer;
  },
  "Customers.retrieve": ({ world, id }) => get(world, "customer", id),
  "Customers.update": ({ world, id, params }) => {
    refuseUnmodelled(params);
    const customer = live(get(world, "customer", id));
    const method = maybeText(maybeMember(params, "invoice_settings"), "default_payment_method");
    if (method !== null) get(world, "payment_method", method, "invoice_settings[default_payment_method]");
    const before = structuredClone(customer);
    change(customer, params);
    if (method !== null)
      world.cards.set(id, cardOf(text(member(get(world, "payment_method", method), "card"), "last4")));
    emit(world, "customer.updated", customer, difference(before, customer));
    return customer;
  },
  "Customers.del": ({ world, id }) => {
    const customer = live(get(world, "customer", id));
    for (const one of having(all(world, "subscription"), { customer: id }, ["customer"])) {
      if (one["ended_at"] === null) cancelNow(world, one, { invoiceNow: false });
    }
    const last = structuredClone(customer);
    const gone: JsonObject = { id, object: "customer", deleted: true };
    save(world, gone);
    emit(world, "customer.deleted", last);
    return gone;
  },
  "Customers.list": ({ world, params }) =>
    having(
      all(world, "customer").filter((one) => one["deleted"] !== true),
      params,
      ["email"],
    ),
  "PaymentMethods.attach": ({ world, id, params }) => {
    const customer = get(world, "customer", params["customer"], "customer");
    const kind = testCards[id];
    if (kind === undefined) {
      throw invalid(`No such PaymentMethod: '${id}'`, { code: "resource_missing", param: "payment_method" });
    }
    return save(world, makeMethod(world, { customer: text(customer, "id"), last4: kind.last4 }));
  },
  "SetupIntents.retrieve": ({ world, id }) => get(world, "setup_intent", id),
  "PaymentMethods.retrieve": ({ world, id }) => get(world, "payment_method", id),
};

function change(customer: JsonObject, params: JsonObject): void {
  apply(customer, params, fields);
  mergeMetadata(customer, params["metadata"]);
  const settings = member(customer, "invoice_settings");
  apply(settings, maybeMember(params, "invoice_settings"), [
    "custom_fields",
    "default_payment_method",
    "footer",
  ]);
}

function live(customer: JsonObject): JsonObject {
  if (customer["deleted"] === true) {
    throw invalid(`No such customer: '${text(customer, "id")}'`, { code: "resource_missing", param: "id" });
  }
  return customer;
}

function refuseUnmodelled(params: JsonObject): void {
  const odd = Object.keys(params).find((name) => !known.has(name));
  if (odd !== undefined) throw new Error(`The stand-in does not model a customer's ${odd}.`);
}

function cardOf(last4: string): Card {
  return Object.values(testCards).find((one) => one.last4 === last4)?.card ?? "good";
}
