import { afterEach, beforeEach, expect, test } from "vitest";
import type { OutboxRow } from "../../src/billing/outbox-store.ts";
import { createMeterSender } from "../../src/billing/deliver-meter-event.ts";
import { createStripeClient } from "../../src/billing/stripe-client.ts";
import { startStripe, type StripeStandin } from "../standins/stripe/start-stripe.ts";

const eventName = "agent_usage_cents";
const operation = "Billing/MeterEvents.create";
let standin: StripeStandin;
let customer: string | null;
let send: ReturnType<typeof createMeterSender>;

beforeEach(async () => {
  standin = await startStripe();
  const stripe = createStripeClient({ secretKey: standin.apiKey, apiUrl: standin.url });
  await stripe.billing.meters.create({
    ...{ display_name: "Usage", event_name: eventName, default_aggregation: { formula: "sum" } },
  });
  ({ id: customer } = await stripe.customers.create({ name: "acme" }));
  const customerOf = () => Promise.resolve(customer);
  send = createMeterSender({ stripe, eventName, customerOf, now: () => standin.control.now() });
});

afterEach(async () => {
  expect(standin.violations).toEqual([]);
  await standin.close();
});

const rowOf = (more: Partial<OutboxRow> = {}): OutboxRow => ({
  ...{ id: "1", accountId: "a", chargeId: "c", kind: "meter-event", identifier: "t:1:1", valueCents: 180 },
  ...{
    eventAt: new Date(),
    state: "sending",
    attempts: 1,
    firstAttemptAt: new Date(),
    leaseUntil: new Date(),
  },
  ...{
    nextAt: new Date(),
    deliveredAt: null,
    deliveredVia: null,
    problem: null,
    soughtAt: null,
    createdAt: new Date(),
  },
  ...more,
});
const sum = () => standin.control.meterSum(customer ?? "", eventName);

test("a charge is counted once, however often it is sent", async () => {
  expect(await send(rowOf(), 1)).toEqual({ kind: "ack" });
  expect(await send(rowOf(), 2)).toEqual({ kind: "duplicate" });
  expect(standin.requests.slice(-2).map((one) => one.idempotencyKey)).toEqual(["t:1:1#1", "t:1:1#2"]);
  expect(sum()).toBe(180);
});

test("a clock ahead of ours is no reason for Stripe to refuse", async () => {
  const eventAt = new Date(Date.now() + 3_600_000);
  expect(await send(rowOf({ eventAt }), 1)).toEqual({ kind: "ack" });
});

test("a charge is taken back by its own identifier", async () => {
  await send(rowOf(), 1);
  const cancel = rowOf({ kind: "meter-cancel", identifier: "t:1:1:cancel", valueCents: 0 });
  expect(await send(cancel, 1)).toEqual({ kind: "ack" });
  expect(sum()).toBe(0);
});

test("a kept 500 does not wedge: the next attempt learns that it arrived", async () => {
  standin.fault({ operation, when: "after", status: 500 });
  expect(await send(rowOf(), 1)).toMatchObject({ kind: "later" });
  expect(await send(rowOf(), 2)).toEqual({ kind: "duplicate" });
  expect(sum()).toBe(180);
});

test.each([429, 503] as const)("%d is for later", async (status) => {
  standin.fault({ operation, when: "before", status });
  expect(await send(rowOf(), 1)).toMatchObject({ kind: "later" });
  expect(await send(rowOf(), 2)).toEqual({ kind: "ack" });
});

test("no connection is for later", async () => {
  standin.fault({ operation, when: "before", reset: true, times: 2 });
  expect(await send(rowOf(), 1)).toMatchObject({ kind: "later" });
});

test("a charge that is too old is refused, and a credit note is a person's", async () => {
  const eventAt = new Date(Date.now() - 36 * 86_400_000);
  expect(await send(rowOf({ eventAt }), 1)).toMatchObject({ kind: "refused" });
  expect(await send(rowOf({ kind: "credit-note" }), 1)).toMatchObject({ kind: "refused" });
});

test("a key that is not accepted stops the sending", async () => {
  const stripe = createStripeClient({ secretKey: "sk_test_other", apiUrl: standin.url });
  const other = createMeterSender({
    ...{ stripe, eventName, customerOf: () => Promise.resolve("cus_1"), now: () => new Date() },
  });
  expect(await other(rowOf(), 1)).toMatchObject({ kind: "unauthorized" });
});

test("without a customer nothing is sent", async () => {
  const before = standin.requests.length;
  customer = null;
  expect(await send(rowOf(), 1)).toMatchObject({ kind: "later" });
  expect(standin.requests).toHaveLength(before);
});
