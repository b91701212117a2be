import { randomUUID } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { audit, billingOutbox, installation, stripeEvent } from "../../db/schema.ts";
import { refreshPayer } from "../../src/billing/refresh-payer.ts";
import { untilTrue } from "../support/until-true.ts";
import { endPlan } from "../../src/billing/end-plan.ts";
import { planNames } from "../../src/billing/plan-names.ts";
import { seedTenant } from "../db/seed.ts";
import { text, type JsonObject } from "../standins/stripe/json.ts";
import { openPayers } from "./payers.ts";
import type { SeededAccount } from "./seed-account.ts";

const dayMs = 86_400_000;
let world: Awaited<ReturnType<typeof openPayers>>;
let acme: SeededAccount;

beforeEach(async () => {
  world = await openPayers();
  acme = await world.newAccount();
});

afterEach(async () => {
  const violations = [...world.standin.violations];
  await world.close();
  expect(violations, "what Stripe would have refused").toEqual([]);
});

/** The owner goes through Checkout; answers the subscription. */
async function subscribe(): Promise<string> {
  await world.click(acme);
  const { checkoutId } = (await world.payer(acme)) ?? {};
  const subscription = world.standin.control.completeCheckout(checkoutId ?? "");
  return text(subscription, "id");
}

async function arrive(): Promise<void> {
  await world.standin.webhooks.settled();
  await world.process();
}

describe("an owner's click", () => {
  test("opens Checkout with the customer, the metered price without a quantity, and an end; its address is not kept", async () => {
    const url = await world.click(acme);
    expect(url).toMatch(/^https:\/\/checkout\.stripe\.com\//);
    const payer = await world.payer(acme);
    expect(payer).toMatchObject({ checkoutBy: "mona", subscriptionId: null });
    const made = world.standin.requests.find(({ operation }) => operation === "Checkout/Sessions.create");
    expect(made?.params).toMatchObject({
      ...{ customer: payer?.stripeCustomerId, client_reference_id: acme.id, mode: "subscription" },
      subscription_data: { billing_mode: { type: "flexible" } },
    });
    const rows = JSON.stringify([payer, await world.system.select().from(audit)]);
    expect(rows).not.toContain(new URL(url).hash.slice(1));
    expect(rows).toContain("billing-opened");
    expect(await world.entitlement(acme)).toMatchObject({ notice: "checkout-open", newWork: { ok: false } });
  });

  test("closes the Checkout that was open, and ten clicks at once make one customer and leave one open", async () => {
    await world.click(acme);
    await Promise.all(Array.from({ length: 10 }, (_, n) => world.click(acme, `owner-${n}`)));
    const sessions = world.standin.control.objects("checkout.session");
    expect(sessions.filter(({ status }) => status === "open")).toHaveLength(1);
    expect(sessions.find(({ status }) => status === "open")?.["id"]).toBe(
      (await world.payer(acme))?.checkoutId,
    );
    expect(world.standin.control.objects("customer")).toHaveLength(1);
  });

  test("opens the portal for whoever has a plan, also before its webhook has come", async () => {
    await subscribe();
    expect(await world.click(acme)).toMatch(/^https:\/\/billing\.stripe\.com\//);
    expect(await world.payer(acme)).toMatchObject({ subscriptionStatus: "active", checkoutId: null });
  });

  test("is answered by a new customer where the old one was deleted at Stripe", async () => {
    const id = await subscribe();
    const before = (await world.payer(acme))?.stripeCustomerId ?? "";
    await world.stripe.customers.del(before);
    expect(await world.click(acme)).toMatch(/^https:\/\/checkout\.stripe\.com\//);
    const after = await world.payer(acme);
    expect(after?.stripeCustomerId).not.toBe(before);
    expect(after?.subscriptionId).toBeNull();
    expect(id).toMatch(/^sub_/);
  });

  test("says that it was Stripe when Stripe does not answer", async () => {
    world.standin.fault({ when: "before", operation: "Checkout/Sessions.create", status: 503 });
    await expect(world.click(acme)).rejects.toMatchObject({ name: "TransientError" });
    expect(await world.click(acme)).toMatch(/checkout/);
  });
});

describe("what Stripe sends", () => {
  test("lets the account work once Checkout is through", async () => {
    world.listen();
    await subscribe();
    await arrive();
    expect(await world.payer(acme)).toMatchObject({ subscriptionStatus: "active", checkoutId: null });
    expect(await world.entitlement(acme)).toMatchObject({
      newWork: { ok: true, capCents: null },
      notice: null,
    });
    expect((await world.events()).every(({ processedAt }) => processedAt !== null)).toBe(true);
    expect(new Set(world.state.refreshed)).toEqual(new Set([acme.id]));
  });

  test("a failed payment is past due since its invoice, and mended when it is paid", async () => {
    world.listen();
    const id = await subscribe();
    const customer = (await world.payer(acme))?.stripeCustomerId ?? "";
    world.standin.control.setCard(customer, "declines");
    const invoice = world.standin.control.passToInvoice(id);
    await arrive();
    const since = (await world.payer(acme))?.pastDueSince;
    expect(await world.entitlement(acme)).toMatchObject({ notice: "past-due", newWork: { capCents: 2_500 } });
    world.standin.control.pass(8 * dayMs);
    await arrive();
    expect((await world.payer(acme))?.pastDueSince).toEqual(since);
    expect(await world.entitlement(acme)).toMatchObject({ notice: "payment-failed", newWork: { ok: false } });
    world.standin.control.setCard(customer, "good");
    await world.stripe.invoices.pay(text(invoice, "id"));
    await arrive();
    expect(await world.payer(acme)).toMatchObject({ subscriptionStatus: "active", pastDueSince: null });
  });

  test("in whatever order, twice and stale, ends in the true state", { timeout: 60_000 }, async () => {
    const { control, webhooks } = world.standin;
    webhooks.hold();
    const id = await subscribe();
    control.setStatus(id, "past_due");
    control.setStatus(id, "unpaid");
    control.setStatus(id, "active");
    await world.stripe.subscriptions.update(id, { cancel_at_period_end: true });
    const events = webhooks
      .held()
      .filter(({ type }) => typeof type === "string" && type.startsWith("customer.subscription."));
    const four = events.slice(-4);
    expect(four).toHaveLength(4);
    world.listen();
    const wanted = {
      ...{ subscriptionId: id, subscriptionStatus: "active", pastDueSince: null },
      ...{ endsAt: new Date(Number(control.object(id)["cancel_at"]) * 1000) },
    };
    for (const order of ordersOf(four)) {
      // Each order under ids of its own, or they would be known already.
      const mine = order.map((event) => ({ ...event, id: `evt_${randomUUID()}` }));
      for (const event of [...mine, ...mine.toReversed()]) {
        expect((await webhooks.send(event)).map(({ status }) => status)).toEqual([200]);
        await world.process();
        expect(await world.payer(acme)).toMatchObject(wanted);
      }
    }
    expect(await world.events()).toHaveLength(24 * 4);
  });

  test("who reads later writes later, however long the one before takes", async () => {
    const id = await subscribe();
    const refresh = () => refreshPayer(world.deps, { accountId: acme.id });
    // It knows the subscription as it was, and has not written yet.
    const gate = world.standin.control.stopNext("Invoices.list");
    const slow = refresh();
    await gate.arrived;
    world.standin.control.setStatus(id, "canceled");
    let isThrough = false;
    const quick = refresh().then(() => {
      isThrough = true;
    });
    const waits = sql`select 1 from pg_locks join pg_stat_activity using (pid)
      where not granted and datname = current_database()`;
    await untilTrue(async () => isThrough || (await world.system.execute(waits)).length > 0);
    gate.open();
    await Promise.all([slow, quick]);
    expect(await world.payer(acme)).toMatchObject({ subscriptionStatus: "canceled" });
  });

  test("a dispute holds the account until it is decided, an invoice that was given up for good", async () => {
    world.listen();
    await subscribe();
    const customer = (await world.payer(acme))?.stripeCustomerId ?? "";
    const dispute = text(world.standin.control.openDispute(customer), "id");
    await arrive();
    expect(await world.entitlement(acme)).toMatchObject({ notice: "disputed", newWork: { ok: false } });
    world.standin.control.closeDispute(dispute, "won");
    await arrive();
    expect(await world.entitlement(acme)).toMatchObject({ notice: null, newWork: { ok: true } });
    world.standin.control.setCard(customer, "declines");
    const { subscriptionId } = (await world.payer(acme)) ?? {};
    const invoice = world.standin.control.passToInvoice(subscriptionId ?? "");
    await world.stripe.invoices.markUncollectible(text(invoice, "id"));
    await arrive();
    expect(await world.entitlement(acme)).toMatchObject({ notice: "disputed", alarm: true });
  });

  test("is nothing for us where the type or the customer is unknown, and is not looked at again", async () => {
    world.listen();
    const other = await world.stripe.customers.create({ name: "somebody else" });
    world.standin.control.emit("radar.early_fraud_warning.created", { id: "issfr_1", object: "x" });
    world.standin.control.emit("customer.subscription.updated", { id: "sub_1", customer: other.id });
    world.standin.control.emit("invoice.paid", { id: "in_1", customer: null });
    await arrive();
    const rows = await world.events();
    expect(rows.length).toBeGreaterThanOrEqual(4);
    expect(rows.every(({ processedAt, problem }) => processedAt !== null && problem !== null)).toBe(true);
    expect(world.state.refreshed).toEqual([]);
  });

  test("comes again when Stripe cannot be asked", async () => {
    world.listen();
    await subscribe();
    await world.standin.webhooks.settled();
    world.standin.fault({ when: "before", operation: "Subscriptions.list", status: 503 });
    await world.process();
    const waiting = (await world.events()).filter(({ processedAt }) => processedAt === null);
    expect(waiting.length).toBeGreaterThan(0);
    expect(waiting.every(({ attempts, problem }) => attempts === 1 && problem !== null)).toBe(true);
    await world.system.update(stripeEvent).set({ nextAt: new Date(0) });
    await world.process();
    expect((await world.events()).filter(({ processedAt }) => processedAt === null)).toEqual([]);
    expect(await world.payer(acme)).toMatchObject({ subscriptionStatus: "active" });
  });

  test("an account of which nothing is heard for hours is read by itself", async () => {
    const id = await subscribe();
    await world.process();
    world.standin.control.setStatus(id, "canceled");
    world.standin.control.pass(7 * 3_600_000);
    await world.process();
    expect(await world.entitlement(acme)).toMatchObject({ notice: "plan-ended", running: "stop-soon" });
  });
});

test("what Stripe took and could not count is somebody's matter, and nothing else of its row changes", async () => {
  world.listen("thin");
  const { taskId } = await seedTenant(world.system);
  const identifier = `${taskId}:1:1`;
  const mine = eq(billingOutbox.identifier, identifier);
  const row = async () => (await world.system.select().from(billingOutbox).where(mine))[0];
  await world.stripe.billing.meterEvents.create({
    ...{ event_name: planNames.eventName, identifier },
    payload: { stripe_customer_id: "cus_nobody", value: "12" },
  });
  await arrive();
  // Its sender has not come back yet.
  expect((await world.events())[0]).toMatchObject({ processedAt: null, attempts: 1 });
  expect(await row()).toMatchObject({ state: "pending", problem: null });
  const sent = { attempts: 1, firstAttemptAt: new Date() };
  await world.system
    .update(billingOutbox)
    .set({ ...sent, state: "sending", leaseUntil: new Date() })
    .where(mine);
  const delivered = {
    state: "delivered",
    leaseUntil: null,
    deliveredAt: new Date(),
    deliveredVia: "ack",
  } as const;
  await world.system.update(billingOutbox).set(delivered).where(mine);
  const before = await row();
  await world.system.update(stripeEvent).set({ nextAt: new Date(0) });
  await world.process();
  expect(await row()).toEqual({
    ...before,
    problem: expect.stringContaining("customer_not_found") as unknown,
  });
  expect((await world.events())[0]?.processedAt).not.toBeNull();
  await expect(world.system.update(billingOutbox).set({ valueCents: 0 }).where(mine)).rejects.toThrow();
  await expect(
    world.system.update(billingOutbox).set({ state: "pending", problem: "x" }).where(mine),
  ).rejects.toThrow();
});

describe("when the App is taken away", () => {
  const setRemoved = (removedAt: Date | null) =>
    world.system.update(installation).set({ removedAt }).where(eq(installation.accountId, acme.id));

  test("the plan ends with its period, and the customer is still the same after another installation", async () => {
    const id = await subscribe();
    await world.process();
    const before = await world.payer(acme);
    await setRemoved(new Date());
    await endPlan(world.deps, { accountId: acme.id });
    await endPlan(world.deps, { accountId: acme.id });
    expect(world.standin.control.object(id)).toMatchObject({ cancel_at_period_end: true, status: "active" });
    const updates = world.standin.requests.filter(({ operation }) => operation === "Subscriptions.update");
    expect(updates).toHaveLength(1);
    await setRemoved(null);
    expect(await world.click(acme)).toMatch(/^https:\/\/billing/);
    expect(await world.payer(acme)).toMatchObject({ stripeCustomerId: before?.stripeCustomerId });
    expect((await world.payer(acme))?.endsAt).not.toBeNull();
  });

  test("and is back before anybody looked, nothing ends", async () => {
    const id = await subscribe();
    await endPlan(world.deps, { accountId: acme.id });
    expect(world.standin.control.object(id)).toMatchObject({ cancel_at_period_end: false });
  });
});

function ordersOf(events: readonly JsonObject[]): JsonObject[][] {
  if (events.length < 2) return [[...events]];
  return events.flatMap((first, index) =>
    ordersOf(events.toSpliced(index, 1)).map((rest) => [first, ...rest]),
  );
}
