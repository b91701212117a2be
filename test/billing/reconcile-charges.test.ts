import { eq, sql } from "drizzle-orm";
import { pino } from "pino";
import type Stripe from "stripe";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { account, billingAccount, billingOutbox } from "../../db/schema.ts";
import { createMeterSender } from "../../src/billing/deliver-meter-event.ts";
import { drainOutbox, type Send } from "../../src/billing/drain-outbox.ts";
import { planNames } from "../../src/billing/plan-names.ts";
import { reconcileCharges } from "../../src/billing/reconcile-charges.ts";
import { createStripeClient } from "../../src/billing/stripe-client.ts";
import { setUpPlan } from "../../src/billing/set-up-plan.ts";
import { startStripe, type StripeStandin } from "../standins/stripe/start-stripe.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createLeg, endLeg, type Leg } from "./fixture.ts";

const operation = "Billing/MeterEvents.create";
const hourMs = 3_600_000;
let given: TestDatabase;
let standin: StripeStandin;
let stripe: Stripe;
let send: Send;
const logged: string[] = [];
const log = pino({ level: "warn" }, { write: (line: string) => void logged.push(line) });

beforeAll(async () => {
  given = await createTestDatabase();
});
afterAll(() => given.close());

beforeEach(async () => {
  logged.length = 0;
  await given.database.system.update(billingAccount).set({ stripeCustomerId: null });
  standin = await startStripe();
  stripe = createStripeClient({ secretKey: standin.apiKey, apiUrl: standin.url });
  await setUpPlan(stripe, { dryRun: false });
  send = createMeterSender({
    ...{ stripe, eventName: planNames.eventName, customerOf: customer, now: () => standin.control.now() },
  });
});
afterEach(async () => {
  expect(standin.violations).toEqual([]);
  await standin.close();
});

const reconcile = () =>
  reconcileCharges({
    ...{ system: given.database.system, log, stripe },
    clock: { now: () => new Date(Date.now() + 2 * hourMs) },
  });
const drain = (limit = 10) =>
  drainOutbox({ system: given.database.system, log, send, random: () => 0 }, { limit });

async function customer(accountId: string): Promise<string | null> {
  const [row] = await given.database.system
    .select()
    .from(billingAccount)
    .where(eq(billingAccount.accountId, accountId));
  return row?.stripeCustomerId ?? null;
}

/** An account with a customer at Stripe and one charge that is to be sent. */
async function createCharge(): Promise<Leg & { login: string; cents: number }> {
  const leg = await createLeg(given, [1_000_000]);
  const { id } = await stripe.customers.create({ name: leg.accountId });
  const { accountId } = leg;
  const { system } = given.database;
  await system
    .update(billingAccount)
    .set({ stripeCustomerId: id })
    .where(eq(billingAccount.accountId, accountId));
  const { amountCents: cents } = await endLeg(given, leg);
  const [found] = await system.select().from(account).where(eq(account.id, accountId));
  return { ...leg, login: found?.login ?? "", cents };
}

async function rowOf({ accountId }: Pick<Leg, "accountId">) {
  const [row] = await given.database.system
    .select()
    .from(billingOutbox)
    .where(eq(billingOutbox.accountId, accountId));
  if (row === undefined) throw new Error("expected a row of the outbox");
  return row;
}

const giveOver = ({ accountId }: Leg) =>
  given.database.system
    .update(billingOutbox)
    .set({ state: "reconcile", leaseUntil: null })
    .where(eq(billingOutbox.accountId, accountId));

const counted = async (leg: Leg) =>
  standin.control.meterSum((await customer(leg.accountId)) ?? "", planNames.eventName);

/** Sends once, with a fault; what came of it is forgotten. */
async function sendAndForget(when: "before" | "after") {
  const leg = await createCharge();
  // The SDK itself tries a cut connection once more.
  standin.fault({ operation, when, reset: true, times: 2 });
  expect(await drain(1)).toMatchObject({ later: 1 });
  logged.length = 0;
  await giveOver(leg);
  return leg;
}

test("where all that was sent was counted, it is quiet", async () => {
  const leg = await createCharge();
  await drain();
  expect(await reconcile()).toEqual({ accounts: 1, arrived: [], sentAgain: [], open: [], drifts: [] });
  expect(await counted(leg)).toBe(leg.cents);
  expect(logged).toEqual([]);
});

test("a charge that arrived without an answer is found, and never sent again", async () => {
  const leg = await sendAndForget("after");
  const { identifier } = await rowOf(leg);
  expect(await reconcile()).toMatchObject({ arrived: [identifier], sentAgain: [], open: [], drifts: [] });
  expect(await rowOf(leg)).toMatchObject({ state: "delivered", deliveredVia: "reconciled", problem: null });
  expect(await drain()).toMatchObject({ delivered: 0 });
  expect(await counted(leg)).toBe(leg.cents);
});

test("a charge that never arrived is sent again, though it was first tried long ago", async () => {
  const leg = await createCharge();
  await drain();
  const first = await rowOf(leg);
  const lost = `${leg.taskId}:2:1`;
  const dayAgo = sql`now() - interval '25 hours'`;
  await given.database.system.insert(billingOutbox).values({
    ...{ id: crypto.randomUUID(), accountId: leg.accountId, chargeId: first.chargeId, kind: "meter-event" },
    ...{ identifier: lost, valueCents: 7, eventAt: dayAgo, state: "pending", attempts: 1 },
    firstAttemptAt: dayAgo,
  });
  expect(await drain()).toMatchObject({ delivered: 0, reconcile: 1 });
  expect(await reconcile()).toMatchObject({ arrived: [], sentAgain: [lost], open: [] });
  expect(await drain()).toMatchObject({ delivered: 1, reconcile: 0 });
  expect(await counted(leg)).toBe(leg.cents + 7);
});

test("where Stripe's sum fits neither, nothing is sent, and a person is called", async () => {
  const leg = await sendAndForget("before");
  const { identifier, eventAt } = await rowOf(leg);
  await stripe.billing.meterEvents.create({
    ...{
      event_name: planNames.eventName,
      identifier: "somebody's",
      timestamp: Math.floor(eventAt.getTime() / 1_000),
    },
    payload: { stripe_customer_id: (await customer(leg.accountId)) ?? "", value: "1" },
  });
  expect(await reconcile()).toMatchObject({
    ...{ arrived: [], sentAgain: [], open: [identifier] },
    drifts: [{ login: leg.login, ledgerCents: 0, stripeCents: 1 }],
  });
  expect(await rowOf(leg)).toMatchObject({ state: "reconcile" });
  expect(logged.join("")).toContain("nobody can say whether Stripe has these charges");
  expect(logged.join("")).toContain("Stripe has counted something else than was sent");
});

test("nothing is concluded while another charge of that minute is on its way", async () => {
  const leg = await sendAndForget("before");
  const { chargeId, eventAt, identifier } = await rowOf(leg);
  await given.database.system.insert(billingOutbox).values({
    ...{ id: crypto.randomUUID(), accountId: leg.accountId, chargeId, kind: "meter-event", eventAt },
    ...{ identifier: `${leg.taskId}:2:1`, valueCents: 7, state: "pending", attempts: 1 },
    ...{ firstAttemptAt: sql`now()`, nextAt: sql`now() + interval '1 hour'` },
  });
  expect(await reconcile()).toMatchObject({ arrived: [], sentAgain: [], open: [identifier] });
});

test("a charge that came about just now is not looked for: Stripe's sums are behind", async () => {
  const leg = await sendAndForget("after");
  standin.control.setMeterLag(hourMs / 2);
  const early = await reconcileCharges({
    ...{ system: given.database.system, log, stripe },
    clock: { now: () => new Date() },
  });
  expect(early).toMatchObject({ arrived: [], sentAgain: [], open: [] });
  expect(await rowOf(leg)).toMatchObject({ state: "reconcile" });
});

test("what was taken back is not missed", async () => {
  const leg = await createCharge();
  await drain();
  const { chargeId, identifier } = await rowOf(leg);
  await given.database.system.insert(billingOutbox).values({
    ...{ id: crypto.randomUUID(), accountId: leg.accountId, chargeId, kind: "meter-cancel" },
    ...{ identifier: `${identifier}:cancel`, valueCents: 0, eventAt: sql`now()` },
  });
  await drain();
  expect(await reconcile()).toMatchObject({ open: [], drifts: [] });
  expect(await counted(leg)).toBe(0);
});

test("a customer that is gone at Stripe keeps nobody else's charges from being looked for", async () => {
  const gone = await createCharge();
  await drain();
  await given.database.system
    .update(billingAccount)
    .set({ stripeCustomerId: "cus_gone" })
    .where(eq(billingAccount.accountId, gone.accountId));
  const leg = await sendAndForget("after");
  const { identifier } = await rowOf(leg);
  expect(await reconcile()).toMatchObject({
    arrived: [identifier],
    drifts: [{ login: gone.login, ledgerCents: gone.cents, stripeCents: null }],
  });
});

test("without a meter it says what to do", async () => {
  const { data } = await stripe.billing.meters.list();
  await stripe.billing.meters.deactivate(data[0]?.id ?? "");
  await expect(reconcile()).rejects.toMatchObject({ code: "no-meter" });
});
