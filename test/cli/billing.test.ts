import { afterAll, beforeAll, expect, test } from "vitest";
import { planNames } from "../../src/billing/plan-names.ts";
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
