import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { billingAccount, billingOutbox, stripeEvent } from "../../db/schema.ts";
import { readBillingStats } from "../../src/billing/billing-stats-store.ts";
import { keyRefused, type OutboxRow } from "../../src/billing/outbox-store.ts";
import { createMetrics } from "../../src/web/metrics.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createLeg, endLeg, type Leg } from "./fixture.ts";

let given: TestDatabase;
beforeAll(async () => {
  given = await createTestDatabase();
});
afterAll(() => given.close());

const queue = { stats: () => Promise.resolve({} as never) };
const read = () => readBillingStats(given.database.system);
const scrape = async () => {
  const text = await createMetrics({ queue, readBilling: read }).render();
  const found = text.matchAll(/^(remote_claude_billing_\S+) (\S+)$/gm);
  return new Map([...found].map(([, name = "", value = ""]) => [name, Number(value)]));
};

async function addCharge(more: Partial<OutboxRow> & { minutesOld?: number } = {}): Promise<Leg> {
  const leg = await createLeg(given, [1_000_000]);
  const charge = await endLeg(given, leg, { terms: { billing: "off", ownModelKey: false } });
  const { minutesOld = 0, ...set } = more;
  await given.database.system.insert(billingOutbox).values({
    ...{ id: crypto.randomUUID(), accountId: leg.accountId, chargeId: charge.id, kind: "meter-event" },
    ...{ identifier: `${leg.taskId}:1:1`, valueCents: 100, eventAt: sql`now()` },
    createdAt: sql`now() - ${minutesOld} * interval '1 minute'`,
    ...set,
  });
  return leg;
}

test("what has not reached Stripe is counted by state, and what waits for a plan does not count as late", async () => {
  expect(await read()).toEqual({
    ...{ charges: { pending: 0, sending: 0, reconcile: 0, dead: 0 }, events: 0 },
    ...{ oldestSeconds: 0, lastDeliveredAt: null, problem: null, paused: false },
  });
  const deliveredAt = new Date("2026-11-01T00:00:00Z");
  const tried = { attempts: 1, firstAttemptAt: new Date() };
  await addCharge({ state: "delivered", deliveredVia: "ack", deliveredAt, ...tried });
  await addCharge({ state: "reconcile", ...tried });
  await addCharge({ minutesOld: 30, problem: "no such key", ...tried });
  const without = await addCharge({ minutesOld: 600 });
  await given.database.system
    .update(billingAccount)
    .set({ stripeCustomerId: null })
    .where(eq(billingAccount.accountId, without.accountId));
  await given.database.system
    .insert(stripeEvent)
    .values({ id: "evt_1", type: "invoice.paid", payload: {}, livemode: false } as never);

  const stats = await read();
  expect(stats).toMatchObject({
    ...{ charges: { pending: 2, sending: 0, reconcile: 1, dead: 0 }, events: 1 },
    ...{ lastDeliveredAt: deliveredAt, problem: "no such key", paused: false },
  });
  expect(Math.round(stats.oldestSeconds / 60)).toBe(30);

  expect((await scrape()).get("remote_claude_billing_paused")).toBe(0);
  await addCharge({ problem: `${keyRefused}Invalid API Key`, ...tried });
  const metrics = await scrape();
  expect(metrics.get("remote_claude_billing_paused")).toBe(1);
  expect(metrics.get('remote_claude_billing_charges{state="pending"}')).toBe(3);
  expect(metrics.get('remote_claude_billing_charges{state="reconcile"}')).toBe(1);
  expect(metrics.get("remote_claude_billing_stripe_events")).toBe(1);
  expect(metrics.get("remote_claude_billing_last_delivered_timestamp_seconds")).toBe(
    deliveredAt.getTime() / 1_000,
  );
  expect(metrics.get("remote_claude_billing_oldest_charge_seconds")).toBeGreaterThan(1_700);
});

test("without a database the other metrics are told all the same, and without billing none of these", async () => {
  const away = createMetrics({ queue, readBilling: () => Promise.reject(new Error("away")) });
  expect(await away.render()).toContain("remote_claude_intake_seconds_count 0");
  expect(await createMetrics({ queue, readBilling: null }).render()).not.toContain("billing");
});
