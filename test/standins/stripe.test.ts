import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { refused } from "./stripe-contract.ts";
import { text } from "./stripe/json.ts";
import { makeSlice } from "./stripe/make-slice.ts";
import { startStripe, type StripeStandin } from "./stripe/start-stripe.ts";
import { writeSlice } from "./stripe/write-slice.ts";

const hourMs = 3_600_000;
const event = "agent_usage_cents";
let standin: StripeStandin;
let stripe: Stripe;
let shop: { meter: string; usage: string; base: string };
let customer: string;

const clientOf = (one: StripeStandin, more: Stripe.StripeConfig = {}) =>
  new Stripe(one.apiKey, { ...one.sdk, maxNetworkRetries: 0, telemetry: false, timeout: 2_000, ...more });

beforeEach(async () => {
  standin = await startStripe({ startAt: new Date("2026-11-01T00:00:30Z") });
  stripe = clientOf(standin);
  shop = await openShop();
  customer = (await stripe.customers.create({ name: "acme" })).id;
});

afterEach(async () => {
  await standin.webhooks.settled();
  expect(standin.violations).toEqual([]);
  await standin.close();
});

async function openShop(): Promise<typeof shop> {
  const sum = { display_name: "Usage", event_name: event, default_aggregation: { formula: "sum" } } as const;
  const meter = await stripe.billing.meters.create(sum);
  const product = await stripe.products.create({ name: "Agent" });
  const monthly = { product: product.id, currency: "usd" };
  const usage = await stripe.prices.create({
    ...{ ...monthly, billing_scheme: "tiered", tiers_mode: "graduated" },
    recurring: { interval: "month", usage_type: "metered", meter: meter.id },
    tiers: [
      { up_to: 2_000, unit_amount: 0 },
      { up_to: "inf", unit_amount: 1 },
    ],
  });
  const base = await stripe.prices.create({
    ...monthly,
    unit_amount: 2_000,
    recurring: { interval: "month" },
  });
  return { meter: meter.id, usage: usage.id, base: base.id };
}

async function checkOut(): Promise<string> {
  const session = await stripe.checkout.sessions.create({
    ...{ mode: "subscription", customer, success_url: "https://example.com/" },
    line_items: [{ price: shop.base, quantity: 1 }, { price: shop.usage }],
  });
  standin.control.completeCheckout(session.id);
  const done = await stripe.checkout.sessions.retrieve(session.id);
  expect(done).toMatchObject({ status: "complete", payment_status: "paid" });
  if (typeof done.subscription !== "string") throw new Error("Expected a subscription, got none.");
  return done.subscription;
}

const report = (value: number | string, identifier: string, idempotencyKey?: string) =>
  stripe.billing.meterEvents.create(
    { event_name: event, identifier, payload: { stripe_customer_id: customer, value: String(value) } },
    idempotencyKey === undefined ? {} : { idempotencyKey },
  );

const op = "Billing/MeterEvents.create";
const counted = () => standin.control.meterSum(customer, event);

test("the slice is what the installed SDK declares", () => {
  const kept = readFileSync(join(import.meta.dirname, "stripe/slice.json"), "utf8");
  // Not toEqual: its difference would be a megabyte.
  expect(kept === writeSlice(makeSlice()), "make it anew: node test/standins/stripe/slice.ts").toBe(true);
});

describe("a request that Stripe would refuse is a violation that names itself", () => {
  const expectViolation = (word: string) => {
    expect(standin.violations.splice(0).join("\n")).toContain(word);
  };

  test("an unknown route, an unknown parameter, a wrong word, a missing one", async () => {
    expect(await refused(stripe.rawRequest("GET", "/v1/balance"))).toMatchObject({ status: 404 });
    expectViolation("/v1/balance");
    const odd = stripe.rawRequest("POST", "/v1/customers", { name: "a", nickname: "b" });
    expect(await refused(odd)).toMatchObject({ status: 400, code: "parameter_unknown" });
    expectViolation("nickname");
    const word = stripe.rawRequest("POST", "/v1/customers", { tax_exempt: "perhaps" });
    expect(await refused(word)).toMatchObject({ status: 400 });
    expectViolation("tax_exempt");
    const none = stripe.rawRequest("POST", "/v1/billing/meter_events", { event_name: event });
    expect(await refused(none)).toMatchObject({ status: 400, code: "parameter_missing" });
    expectViolation("payload");
  });

  test("another version of the API, and a header that the SDK does not send", async () => {
    const ask = (options: Stripe.RawRequestOptions) =>
      refused(stripe.rawRequest("GET", "/v1/products", {}, options));
    expect(await ask({ apiVersion: "2025-03-31.basil" })).toMatchObject({ status: 400 });
    expectViolation("2025-03-31.basil");
    expect(await ask({ additionalHeaders: { "x-odd": "1" } })).toMatchObject({ status: 400 });
    expectViolation("x-odd");
  });
});

test("a restricted key does what it was given for, and nothing else", async () => {
  const narrow = await startStripe({ allowed: ["Products.list"] });
  expect(narrow.apiKey).toMatch(/^rk_test_/);
  const client = clientOf(narrow);
  expect((await client.products.list()).data).toEqual([]);
  expect(await refused(client.customers.list())).toMatchObject({
    ...{ status: 403, type: "StripePermissionError" },
  });
  await narrow.close();
});

test("Checkout of mode setup takes a card down and sells nothing", async () => {
  const session = await stripe.checkout.sessions.create({
    ...{ mode: "setup", customer, currency: "usd", success_url: "https://example.com/" },
  });
  standin.control.completeCheckout(session.id);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ["setup_intent"] });
  expect(done).toMatchObject({ status: "complete", setup_intent: { status: "succeeded", customer } });
});

test("a subscription can be in every status that Stripe knows, and in one it does not know yet", async () => {
  const id = await checkOut();
  const known = ["incomplete", "trialing", "active", "past_due", "unpaid", "paused", "canceled"];
  for (const status of [...known, "incomplete_expired", "hibernating"]) {
    standin.control.setStatus(id, status);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe(status);
  }
});

test("a first payment that fails leaves it incomplete for 23 hours; a later one makes it past due", async () => {
  const waiting = await stripe.subscriptions.create({
    ...{ customer, items: [{ price: shop.base }], payment_behavior: "default_incomplete" },
  });
  expect(waiting.status).toBe("incomplete");
  standin.control.pass(23 * hourMs);
  expect((await stripe.subscriptions.retrieve(waiting.id)).status).toBe("incomplete_expired");
  const id = await checkOut();
  standin.control.setCard(customer, "declines");
  standin.control.passToInvoice(id);
  expect((await stripe.subscriptions.retrieve(id)).status).toBe("past_due");
});

test("an invoice has a line for each tier of what was used, and what came in its grace is on it", async () => {
  const id = await checkOut();
  await report(1_999, "a:1:1");
  await report(6, "a:2:1");
  const invoice = text(standin.control.passToInvoice(id), "id");
  const lines = await stripe.invoices.listLineItems(invoice);
  const shown = lines.data.map(({ quantity, amount }) => `${quantity}: ${amount}`);
  expect(shown.toSorted()).toEqual(["1: 2000", "2000: 0", "5: 5"]);
  expect(await stripe.invoices.retrieve(invoice)).toMatchObject({
    status: "paid",
    total: 2_005,
  });
});

describe("meter events", () => {
  test("an identifier is free again after 24 hours, which is where double billing lives", async () => {
    await report(5, "a:1:1");
    standin.control.pass(23 * hourMs);
    expect(await refused(report(5, "a:1:1"))).toMatchObject({ status: 400 });
    standin.control.pass(hourMs);
    await report(5, "a:1:1");
    expect(counted()).toBe(10);
  });

  test("summaries lag", async () => {
    standin.control.setMeterLag(60_000);
    await report(5, "a:1:1");
    const now = Math.floor(standin.control.now().getTime() / 60_000) * 60;
    const range = { customer, start_time: now, end_time: now + 60 };
    const sum = async () => (await stripe.billing.meters.listEventSummaries(shop.meter, range)).data;
    expect(await sum()).toEqual([]);
    standin.control.pass(60_000);
    expect(await sum()).toMatchObject([{ aggregated_value: 5 }]);
  });

  test("one is taken back within 24 hours, and not later", async () => {
    const cancel = (identifier: string) =>
      stripe.billing.meterEventAdjustments.create({
        ...{ event_name: event, type: "cancel", cancel: { identifier } },
      });
    await report(5, "a:1:1");
    await report(7, "a:2:1");
    expect(await cancel("a:1:1")).toMatchObject({ status: "complete" });
    expect(counted()).toBe(7);
    standin.control.pass(24 * hourMs);
    expect(await refused(cancel("a:2:1"))).toMatchObject({ status: 400 });
  });

  test("one at a time for a customer and a meter", async () => {
    const gate = standin.control.stopNext(op);
    const first = report(5, "a:1:1");
    await gate.arrived;
    expect(await refused(report(6, "a:2:1"))).toMatchObject({ status: 429, code: "lock_timeout" });
    gate.open();
    await first;
    expect(counted()).toBe(5);
  });

  test("what cannot be counted is taken, and told later by a thin event", async () => {
    const hook = await listen();
    await stripe.v2.core.eventDestinations.create({
      ...{
        name: "thin",
        type: "webhook_endpoint",
        event_payload: "thin",
        webhook_endpoint: { url: hook.url },
      },
      enabled_events: ["v1.billing.meter.error_report_triggered"],
    });
    await report("1.5", "a:1:1");
    await standin.webhooks.settled();
    expect(hook.bodies.map((body) => (JSON.parse(body) as { type: string }).type)).toEqual([
      "v1.billing.meter.error_report_triggered",
    ]);
    expect(counted()).toBe(0);
    hook.close();
  });
});

describe("what goes wrong", () => {
  test("a key in flight is a conflict", async () => {
    const gate = standin.control.stopNext(op);
    const first = report(5, "a:1:1", "k");
    await gate.arrived;
    expect(await refused(report(5, "a:1:1", "k"))).toMatchObject({
      ...{ status: 409, code: "idempotency_key_in_use" },
    });
    gate.open();
    await first;
  });

  test("a 500 is kept under its key: only a fresh key gets on, and then the identifier tells", async () => {
    standin.fault({ operation: op, when: "after", status: 500 });
    expect(await refused(report(5, "a:1:1", "k"))).toMatchObject({ status: 500 });
    expect(await refused(report(5, "a:1:1", "k"))).toMatchObject({ status: 500 });
    expect(standin.requests.at(-1)?.replayed).toBe(true);
    expect((await refused(report(5, "a:1:1", "k2"))).message).toContain("already exists");
    expect(counted()).toBe(5);
  });

  test("a lost answer, before the effect and after it", async () => {
    for (const [when, sum] of [
      ["before", 0],
      ["after", 5],
    ] as const) {
      // The SDK tries a cut connection once more by itself.
      standin.fault({ operation: op, when, reset: true, times: when === "before" ? 2 : 1 });
      const call = report(5, `a:${when}:1`, when);
      if (when === "before") expect((await refused(call)).type).toBe("StripeConnectionError");
      else await call;
      expect(counted()).toBe(sum);
    }
    expect(standin.requests.at(-1)?.replayed).toBe(true);
  });

  test("429, 503 and an answer that never comes", async () => {
    standin.fault({ operation: op, when: "before", status: 429 });
    expect(await refused(report(5, "a:1:1"))).toMatchObject({ status: 429, type: "StripeRateLimitError" });
    standin.fault({ operation: op, when: "before", status: 503 });
    expect(await refused(report(5, "a:1:1"))).toMatchObject({ status: 503 });
    expect(counted()).toBe(0);
    stripe = clientOf(standin, { timeout: 300 });
    standin.fault({ operation: op, when: "after", hang: true, times: 2 });
    expect(await refused(report(5, "a:1:1"))).toMatchObject({ type: "StripeConnectionError" });
    expect(counted()).toBe(5);
  });
});

describe("webhooks", () => {
  test("are signed, and come again until they are taken", async () => {
    const hook = await listen(500);
    const { secret } = await stripe.webhookEndpoints.create({
      ...{ url: hook.url, enabled_events: ["customer.created"] },
    });
    await stripe.customers.create({ name: "b" });
    await standin.webhooks.settled();
    hook.answers = 200;
    expect(await standin.webhooks.retry()).toMatchObject([{ status: 200 }]);
    expect(await standin.webhooks.retry()).toEqual([]);
    expect(hook.bodies).toHaveLength(2);
    const [body = "", signature = ""] = [hook.bodies.at(-1), hook.signatures.at(-1)];
    const read = stripe.webhooks.constructEvent(body, signature, secret ?? "");
    expect(read.type).toBe("customer.created");
    expect(() => stripe.webhooks.constructEvent(`${body} `, signature, secret ?? "")).toThrow();
    hook.close();
  });

  test("come in any order and twice, where a test wants it", async () => {
    const hook = await listen();
    await stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ["*"] });
    standin.webhooks.hold();
    await stripe.customers.update(customer, { name: "one" });
    await stripe.customers.update(customer, { name: "two" });
    for (const one of [...standin.webhooks.held(), ...standin.webhooks.held()].toReversed())
      await standin.webhooks.send(one);
    const names = hook.bodies.map(
      (body) => (JSON.parse(body) as { data: { object: { name: string } } }).data.object.name,
    );
    expect(names).toEqual(["two", "one", "two", "one"]);
    hook.close();
  });
});

type Hook = { url: string; bodies: string[]; signatures: string[]; answers: number; close(): void };

async function listen(answers = 200): Promise<Hook> {
  const server: Server = createServer((request, response) => {
    void readText(request).then((body) => {
      hook.bodies.push(body);
      hook.signatures.push(String(request.headers["stripe-signature"]));
      response.writeHead(hook.answers).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const hook: Hook = {
    ...{ url: `http://127.0.0.1:${port}/`, bodies: [], signatures: [], answers },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return hook;
}
