import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { billingAccount, billingOutbox } from "../../db/schema.ts";
import { planNames } from "../../src/billing/plan-names.ts";
import { createStripeClient } from "../../src/billing/stripe-client.ts";
import { createLeg, endLeg, listCharges } from "../billing/fixture.ts";
import { startStripe, type StripeStandin } from "../standins/stripe/start-stripe.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { runCommand } from "./run-command.ts";

let stripe: StripeStandin;
let home: TestDatabase;

beforeAll(async () => {
  [stripe, home] = await Promise.all([startStripe(), createTestDatabase()]);
});
afterAll(async () => {
  await home.close();
  const { violations } = stripe;
  await stripe.close();
  expect(violations).toEqual([]);
});

const run = (args: readonly string[] = [], key = stripe.apiKey) =>
  runCommand(["billing", "setup", ...args], {
    env: { STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: "whsec_x", STRIPE_API_BASE: stripe.url },
  });

type Report = { mode: string; dryRun: boolean; parts: { name: string; id: string | null; made: boolean }[] };
const report = async (...args: string[]) => JSON.parse((await run(["--json", ...args])).out) as Report;

test("a dry run makes nothing, the first run everything, and the second one nothing", async () => {
  const dry = await report("--dry-run");
  expect(dry).toMatchObject({ mode: "test", dryRun: true });
  expect(dry.parts.map(({ id, made }) => [id, made])).toEqual(Array(5).fill([null, true]));
  expect(stripe.control.objects("price")).toEqual([]);

  const first = await report();
  expect(first.parts.every(({ id, made }) => id !== null && made)).toBe(true);
  const second = await report();
  expect(second.parts).toEqual(first.parts.map((part) => ({ ...part, made: false })));
  const { out } = await run();
  expect(out).toContain("The plan at Stripe, in test mode:");
  expect(out.match(/was there/g)).toHaveLength(5);

  const prices = stripe.control.objects("price");
  const amounts = prices.map(({ lookup_key: key, unit_amount: amount }) => [key, amount]);
  expect(Object.fromEntries(amounts)).toEqual({
    [planNames.lookupKeys.base]: 2_000,
    [planNames.lookupKeys.usage]: null,
  });
  expect(stripe.control.objects("billing_portal.configuration")).toMatchObject([
    { features: { subscription_cancel: { enabled: true, mode: "at_period_end" } } },
  ]);
});

test("a key that Stripe refuses, and billing that is off, are told with what to do", async () => {
  const refused = await run([], "sk_test_wrong");
  expect(refused.exitCode).not.toBe(0);
  expect(refused.err).toContain("Check STRIPE_SECRET_KEY");
  const off = await runCommand(["billing", "setup"], { env: {} });
  expect(off.exitCode).not.toBe(0);
  expect(off.err).toContain("Nobody is billed by this server");
});

test("a charge is put right by a further revision, and what is said of it is written down", async () => {
  const leg = await createLeg(home, [1_000_000]);
  await endLeg(home, leg);
  const correct = (...args: string[]) =>
    runCommand(["billing", "correct", leg.taskId, ...args], {
      env: {
        ...{ DATABASE_URL: home.url, LOG_LEVEL: "silent" },
        ...{ STRIPE_SECRET_KEY: stripe.apiKey, STRIPE_WEBHOOK_SECRET: "whsec_x" },
      },
    });
  const { out } = await correct("--amount", "0.25", "--reason", "goodwill", "--json");
  expect(JSON.parse(out)).toMatchObject({
    ...{ taskId: leg.taskId, leg: 1, revision: 2, amountCents: 25, step: "supersede" },
  });
  expect((await listCharges(home, leg)).reduce((sum, { amountCents }) => sum + amountCents, 0)).toBe(25);
  expect((await correct("--amount", "0", "--reason", "goodwill")).out).toContain(
    "owes $0.00 now (revision 3)",
  );

  const same = await correct("--amount", "0", "--reason", "again");
  expect(same.exitCode).not.toBe(0);
  expect(same.err).toContain("other than the 0 that are owed");
  expect((await correct("--amount", "1.234", "--reason", "x")).err).toContain("Expected dollars");
  expect((await correct("--amount", "1", "--reason", "x", "--leg", "7")).err).toContain("charge of leg 7");
});

const environment = () => ({
  ...{ DATABASE_URL: home.url, LOG_LEVEL: "silent" },
  ...{ STRIPE_SECRET_KEY: stripe.apiKey, STRIPE_WEBHOOK_SECRET: "whsec_x", STRIPE_API_BASE: stripe.url },
});
const billing = (...args: string[]) => runCommand(["billing", ...args], { env: environment() });

test("charges on their way are listed; one that Stripe has not got is sent again by whoever has looked", async () => {
  const leg = await createLeg(home, [2_000_000]);
  await endLeg(home, leg);
  const charge = `${leg.taskId}:1:1`;
  const state = (set: object) =>
    home.database.system.update(billingOutbox).set(set).where(eq(billingOutbox.identifier, charge));
  const listed = async () => {
    const { charges } = JSON.parse((await billing("outbox", "list", "--json")).out) as {
      charges: { identifier: string }[];
    };
    return charges.find(({ identifier }) => identifier === charge);
  };
  expect(await listed()).toMatchObject({ kind: "meter-event", state: "pending", attempts: 0 });

  const early = await billing("outbox", "resend", charge);
  expect(early.exitCode).not.toBe(0);
  expect(early.err).toContain("got one that is pending");
  expect((await billing("outbox", "resend", "nothing")).err).toContain('got "nothing"');

  await state({ state: "dead", attempts: 1, firstAttemptAt: new Date(), problem: "too old" });
  const { out } = await billing("outbox", "list");
  expect(out).toMatch(/CHARGE +ACCOUNT +KIND +AMOUNT +STATE +TRIES +AGE +BECAUSE/);
  expect(out).toContain("too old");
  expect((await billing("outbox", "resend", charge)).out).toBe(`${charge} is sent again within a minute.\n`);
  expect(await listed()).toMatchObject({ state: "pending" });

  await state({ state: "delivered", deliveredAt: new Date(), deliveredVia: "ack", problem: null });
  expect(await listed()).toBeUndefined();
  expect((await billing("outbox", "list", "--all")).out).toContain("delivered");
});

test("what was sent is held against what Stripe has counted; where it differs the command fails", async () => {
  await report();
  await home.database.system.update(billingAccount).set({ stripeCustomerId: null });
  const leg = await createLeg(home, [1_000_000]);
  const { id: customer } = await createStripeClient({
    secretKey: stripe.apiKey,
    apiUrl: stripe.url,
  }).customers.create();
  const { accountId } = leg;
  await home.database.system
    .update(billingAccount)
    .set({ stripeCustomerId: customer })
    .where(eq(billingAccount.accountId, accountId));
  const { id: chargeId } = await endLeg(home, leg, { terms: { billing: "off", ownModelKey: false } });
  const before = new Date(Date.now() - 2 * 3_600_000);
  await home.database.system.insert(billingOutbox).values({
    ...{
      id: crypto.randomUUID(),
      accountId,
      chargeId,
      kind: "meter-event",
      identifier: "x:1:1",
      valueCents: 150,
    },
    ...{ eventAt: before, state: "reconcile", attempts: 1, firstAttemptAt: before },
  });
  const found = await billing("reconcile", "--json");
  expect(JSON.parse(found.out)).toMatchObject({ arrived: [], sentAgain: ["x:1:1"], open: [], drifts: [] });
  expect(found.exitCode).toBe(0);

  await home.database.system
    .update(billingOutbox)
    .set({ state: "delivered", deliveredAt: before, deliveredVia: "ack" })
    .where(eq(billingOutbox.identifier, "x:1:1"));
  const differs = await billing("reconcile");
  expect(differs.out).toMatch(/ACCOUNT +SINCE +SENT +COUNTED/);
  expect(differs.out).toContain("$1.50");
  expect(differs.exitCode).toBe(1);
});

test("doctor says whether Stripe takes the key, has the plan and has the charges", async () => {
  const look = async (change: Record<string, string> = {}) => {
    const { out } = await runCommand(["doctor", "--json"], { env: { ...environment(), ...change } });
    const { checks } = JSON.parse(out) as { checks: { id: string; status: string; detail: string }[] };
    return Object.fromEntries(checks.map((check) => [check.id, check]));
  };
  await report();
  const leg = await createLeg(home, [1_000_000]);
  await endLeg(home, leg);
  const outbox = home.database.system.update(billingOutbox);
  await outbox.set({ state: "dead" }).where(eq(billingOutbox.accountId, leg.accountId));
  const first = await look();
  expect(first["stripe"]).toMatchObject({
    status: "ok",
    detail: expect.stringContaining("test mode") as string,
  });
  expect(first["charges"]).toMatchObject({ status: "warn" });
  const late = await createLeg(home, [1_000_000]);
  await endLeg(home, late);
  const tried = { problem: "Stripe does not take the key: 401", attempts: 1, firstAttemptAt: new Date() };
  await home.database.system
    .update(billingOutbox)
    .set(tried)
    .where(eq(billingOutbox.accountId, late.accountId));
  expect((await look())["charges"]).toMatchObject({
    ...{ status: "fail", detail: "nothing is sent: Stripe does not take the key: 401" },
  });
  expect((await look({ STRIPE_SECRET_KEY: "sk_test_wrong" }))["stripe"]).toMatchObject({ status: "fail" });
  const none = await look({ STRIPE_SECRET_KEY: "", STRIPE_WEBHOOK_SECRET: "" });
  expect([none["stripe"], none["charges"]]).toEqual([undefined, undefined]);
});
