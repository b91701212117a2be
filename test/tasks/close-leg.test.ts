import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { billingAccount, installation } from "../../db/schema.ts";
import { closeLeg } from "../../src/tasks/close-leg.ts";
import {
  addUsage,
  createLeg,
  inAccount,
  listCharges,
  listOutbox,
  nextLeg,
  off,
  on,
  type Leg,
} from "../billing/fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const now = new Date();
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
let given: TestDatabase;

beforeAll(async () => {
  given = await createTestDatabase();
});
afterAll(() => given.close());

type Plan = Partial<typeof billingAccount.$inferInsert>;

const setPlan = (leg: Leg, plan: Plan) =>
  given.database.system.update(billingAccount).set(plan).where(eq(billingAccount.accountId, leg.accountId));

const subscribed = (subscriptionStatus: string, more: Plan = {}) => ({
  ...{ subscriptionId: `sub_${crypto.randomUUID()}`, subscriptionStatus, readAt: now },
  ...more,
});

const close = (leg: Leg, terms = on) =>
  inAccount(given, leg, (tx) =>
    closeLeg(tx, {
      ...{ task: { ...leg, id: leg.taskId, repositoryId: 1, requesterId: 1 }, end: { kind: "published" } },
      ...{ lost: false, terms, now, defaultMonthMicroUsd: 50_000_000_000 },
    }),
  );

/** The rows of test/golden/entitlement.md, as the database holds them. */
const rows: readonly [name: string, plan: Plan, sent: boolean][] = [
  ["no plan", { subscriptionStatus: null }, false],
  [
    "checkout open",
    { checkoutId: "cs_1", checkoutBy: "mona", checkoutExpiresAt: new Date(now.getTime() + 600_000) },
    false,
  ],
  ["incomplete", subscribed("incomplete"), true],
  ["incomplete_expired", subscribed("incomplete_expired"), true],
  ["trialing", subscribed("trialing", { trialEndsAt: daysAgo(-5) }), true],
  ["active", subscribed("active"), true],
  ["active, ending", subscribed("active", { endsAt: daysAgo(-3) }), true],
  ["active, ended", subscribed("active", { endsAt: daysAgo(1) }), true],
  ["past_due in its grace", subscribed("past_due", { pastDueSince: daysAgo(1) }), true],
  ["past_due for too long", subscribed("past_due", { pastDueSince: daysAgo(9) }), true],
  ["unpaid", subscribed("unpaid", { pastDueSince: daysAgo(30) }), false],
  ["paused", subscribed("paused"), false],
  ["collection paused", subscribed("active", { collectionPaused: true }), true],
  ["canceled", subscribed("canceled"), false],
  ["unknown", subscribed("hibernating"), true],
  ["disputed", subscribed("active", { openDisputes: ["du_1"] }), true],
  ["read long ago", subscribed("active", { readAt: daysAgo(3) }), true],
];

test.each(rows)("%s: the charge is kept, and goes to Stripe or does not", async (_, plan, sent) => {
  const leg = await createLeg(given, [1_000_000]);
  await setPlan(leg, plan);
  expect(await close(leg)).toMatchObject(
    sent
      ? { charged: true, priceMicroUsd: 1_200_000, reason: null }
      : { charged: false, priceMicroUsd: 0, reason: "the account has no running plan" },
  );
  expect(await listCharges(given, leg)).toMatchObject([{ amountCents: 120 }]);
  expect(await listOutbox(given, leg)).toMatchObject(sent ? [{ valueCents: 120, state: "pending" }] : []);
});

test.each([["suspended", { suspendedAt: now }] as const, ["removed", { removedAt: now }] as const])(
  "an App that is %s: what was used before is sent",
  async (_, installed) => {
    const leg = await createLeg(given, [1_000_000]);
    await setPlan(leg, subscribed("active"));
    const of = eq(installation.accountId, leg.accountId);
    await given.database.system.update(installation).set(installed).where(of);
    expect(await close(leg)).toMatchObject({ charged: true });
    expect(await listOutbox(given, leg)).toHaveLength(1);
  },
);

test("a server that bills nobody keeps the charge", async () => {
  const leg = await createLeg(given, [1_000_000]);
  await setPlan(leg, subscribed("active"));
  expect(await close(leg, off)).toMatchObject({ charged: false, reason: "this server bills nobody" });
  expect(await listCharges(given, leg)).toMatchObject([{ amountCents: 100 }]);
  expect(await listOutbox(given, leg)).toEqual([]);
});

test("of a task whose plan ended between two legs, the receipt names what is on the invoice", async () => {
  const first = await createLeg(given, [1_000_000]);
  await setPlan(first, subscribed("active"));
  expect(await close(first)).toMatchObject({ charged: true, priceMicroUsd: 1_200_000 });
  const second = await nextLeg(given, first);
  await addUsage(given, second, [2_000_000], { attempt: second.fence });
  await setPlan(second, { subscriptionStatus: "canceled" });
  expect(await close(second)).toMatchObject({ charged: true, priceMicroUsd: 1_200_000 });
  expect(await listCharges(given, second)).toMatchObject([{ amountCents: 120 }, { amountCents: 240 }]);
  expect(await listOutbox(given, second)).toMatchObject([{ valueCents: 120 }]);
});
