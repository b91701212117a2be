import { emit } from "./emit.ts";
import { isObject, maybeMember, maybeNumber, maybeText, member, members, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { makeMethod } from "./make-method.ts";
import { makeSubscription } from "./make-subscription.ts";
import { complete } from "./shape-object.ts";
import { newId, save } from "./world.ts";
import type { World } from "./world.ts";

/** The customer left the page open for too long, or it was expired by the API. */
export function expireSession(world: World, session: JsonObject): void {
  session["status"] = "expired";
  session["url"] = null;
  emit(world, "checkout.session.expired", session);
}

/** The customer typed a good card and pressed the button; answers the subscription, or the setup intent. */
export function completeSession(world: World, session: JsonObject): JsonObject {
  if (session["status"] !== "open") {
    throw new Error(`Expected an open Checkout session, got one that is ${text(session, "status")}.`);
  }
  const customer = maybeText(session, "customer") ?? newCustomer(world, session);
  world.cards.set(customer, world.cards.get(customer) ?? "good");
  if (session["mode"] === "setup") return completeSetup(world, session, customer);
  const order = maybeMember(world.objects.get(`${text(session, "id")}#order`) ?? {}, "data");
  const trialDays = maybeNumber(order, "trial_period_days");
  const now = world.clock.now();
  const subscription = makeSubscription(world, {
    customer,
    items: members(member(session, "line_items"), "data").map((line) => {
      const price = world.objects.get(text(member(line, "price"), "id"));
      if (price === undefined) throw new Error("Expected the price of a Checkout session, found none.");
      return { price, quantity: maybeNumber(line, "quantity") };
    }),
    metadata: isObject(order["metadata"]) ? order["metadata"] : {},
    billingMode: maybeMember(order, "billing_mode")["type"] === "classic" ? "classic" : "flexible",
    trialEnd: maybeNumber(order, "trial_end") ?? (trialDays === null ? null : now + trialDays * 86_400),
    collectionMethod: "charge_automatically",
    paysLater: false,
    ...(maybeText(order, "description") === null
      ? {}
      : { more: { description: text(order, "description") } }),
  });
  Object.assign(session, {
    customer,
    customer_details: complete("Checkout/Sessions:Session.CustomerDetails", {
      email: world.objects.get(customer)?.["email"] ?? null,
      tax_exempt: "none",
      tax_ids: [],
    }),
    invoice: subscription["latest_invoice"] ?? null,
    payment_status: subscription["trial_end"] === null ? "paid" : "no_payment_required",
    status: "complete",
    subscription: text(subscription, "id"),
    url: null,
  });
  emit(world, "checkout.session.completed", session);
  return subscription;
}

function completeSetup(world: World, session: JsonObject, customer: string): JsonObject {
  const method = save(world, makeMethod(world, { customer, last4: "4242" }));
  const intent = complete("SetupIntents:SetupIntent", {
    id: newId("seti"),
    object: "setup_intent",
    created: world.clock.now(),
    customer,
    livemode: false,
    metadata: {},
    payment_method: text(method, "id"),
    payment_method_types: ["card"],
    status: "succeeded",
    usage: "off_session",
  });
  save(world, intent);
  world.cards.set(customer, "good");
  Object.assign(session, { customer, setup_intent: text(intent, "id"), status: "complete", url: null });
  emit(world, "setup_intent.succeeded", intent);
  emit(world, "checkout.session.completed", session);
  return intent;
}

function newCustomer(world: World, session: JsonObject): string {
  const customer = complete("Customers:Customer", {
    id: newId("cus"),
    object: "customer",
    balance: 0,
    created: world.clock.now(),
    email: maybeText(session, "customer_email"),
    invoice_settings: complete("Customers:Customer.InvoiceSettings", {}),
    livemode: false,
    metadata: {},
    name: null,
  });
  save(world, customer);
  emit(world, "customer.created", customer);
  return text(customer, "id");
}
