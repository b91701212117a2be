import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { billingOutbox, charge } from "../../db/schema.ts";
import { withOwner } from "../../db/owner-connection.ts";
import { sumCharges } from "../../src/billing/charge-store.ts";
import { correctCharge, type Correction } from "../../src/billing/correct-charge.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import {
  addUsage,
  createLeg,
  endLeg,
  inAccount,
  listCharges,
  listOutbox,
  nextLeg,
  off,
  on,
  type Leg,
} from "./fixture.ts";

let given: TestDatabase;

beforeAll(async () => {
  given = await createTestDatabase();
});

afterAll(() => given.close());

describe("a leg", () => {
  test("is charged once with its margins, and Stripe is to hear the very same cents", async () => {
    const leg = await createLeg(given, [1_000_000, 420_000, -5_000_000]);
    await addUsage(given, leg, [70_000], { kind: "sandbox", model: "e2b", durationMs: 1_000 });
    const first = await endLeg(given, leg);
    expect(first).toMatchObject({
      ...{ leg: 1, revision: 1, kind: "charge", reason: "done", card: "2026-11", lastAttempt: 1 },
      // 1.42 × 1.2 + 0.07 × 1.3
      ...{ costMicroUsd: 6_490_000, priceMicroUsd: 1_795_000, amountCents: 180 },
    });
    expect(await endLeg(given, leg)).toEqual(first);
    expect(await listCharges(given, leg)).toEqual([first]);
    expect(await listOutbox(given, leg)).toMatchObject([
      {
        identifier: `${leg.taskId}:1:1`,
        valueCents: 180,
        kind: "meter-event",
        state: "pending",
        attempts: 0,
      },
    ]);
  });

  test("is charged once by twenty at once", async () => {
    const leg = await createLeg(given, [1_000_000]);
    const all = await Promise.all(Array.from({ length: 20 }, () => endLeg(given, leg)));
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(await listOutbox(given, leg)).toHaveLength(1);
  });

  test("takes only what came after the leg before it", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg);
    const second = await nextLeg(given, leg);
    await addUsage(given, second, [500_000], { attempt: 2 });
    await endLeg(given, second);
    expect(await listCharges(given, leg)).toMatchObject([
      { leg: 1, amountCents: 120, lastAttempt: 1 },
      { leg: 2, amountCents: 60, lastAttempt: 2 },
    ]);
    expect(await inAccount(given, leg, (tx) => sumCharges(tx, leg))).toEqual({
      ...{ costMicroUsd: 1_500_000, priceMicroUsd: 1_800_000, amountCents: 180, sentCents: 180 },
    });
  });

  test.each(["platform-fault", "provider-fault", "goodwill"] as const)(
    "that ended by %s costs nothing, and its cost is known",
    async (reason) => {
      const leg = await createLeg(given, [1_000_000]);
      expect(await endLeg(given, leg, { reason })).toMatchObject({
        ...{ reason, costMicroUsd: 1_000_000, priceMicroUsd: 0, amountCents: 0 },
      });
      expect(await listOutbox(given, leg)).toEqual([]);
    },
  );

  test("with billing off has the same charge at cost, and nothing is to be sent", async () => {
    const leg = await createLeg(given, [1_000_000]);
    expect(await endLeg(given, leg, { terms: off })).toMatchObject({
      ...{ costMicroUsd: 1_000_000, priceMicroUsd: 1_000_000, amountCents: 100 },
    });
    expect(await listOutbox(given, leg)).toEqual([]);
  });

  test("with the account's own model key has no margin on tokens", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await addUsage(given, leg, [1_000_000], { kind: "sandbox" });
    expect(await endLeg(given, leg, { terms: { billing: "on", ownModelKey: true } })).toMatchObject({
      amountCents: 230,
    });
  });

  test("that was undone with its transaction leaves neither charge nor message", async () => {
    const leg = await createLeg(given, [1_000_000]);
    const failing = inAccount(given, leg, async (tx) => {
      const { chargeLeg } = await import("../../src/billing/charge-leg.ts");
      const { chargePolicy } = await import("../../src/billing/who-pays.ts");
      await chargeLeg(tx, leg, { verdict: chargePolicy.done, terms: on, bill: "send" });
      throw new Error("the task could not be ended");
    });
    await expect(failing).rejects.toThrow("the task could not be ended");
    expect(await listCharges(given, leg)).toEqual([]);
    expect(await listOutbox(given, leg)).toEqual([]);
  });
});

const periodStart = new Date("2020-01-01T00:00:00Z");
const correct = (leg: Leg, amountCents: number, more: Partial<Correction> = {}) =>
  inAccount(given, leg, (tx) =>
    correctCharge(tx, leg, {
      ...{ amountCents, reason: "goodwill", periodStart, now: new Date(), billing: "on" },
      ...more,
    }),
  );

/** Stripe has taken all that was to be sent. */
async function deliver(leg: Leg, daysAgo = 0): Promise<void> {
  await given.database.system.execute(sql`
    update ${billingOutbox} set state = 'delivered', attempts = 1, first_attempt_at = now(), delivered_via = 'ack',
      delivered_at = now() - ${daysAgo} * interval '1 day'
    where account_id = ${leg.accountId} and state = 'pending'`);
}

const outbox = async (leg: Leg) =>
  (await listOutbox(given, leg)).map(({ kind, identifier, valueCents, state }) => [
    kind,
    identifier.replace(leg.taskId, "task"),
    valueCents,
    state,
  ]);

describe("a correction", () => {
  test("of what was not sent takes its place", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg);
    expect((await correct(leg, 20)).charge).toMatchObject({
      ...{
        revision: 2,
        kind: "correction",
        amountCents: -100,
        priceMicroUsd: -1_000_000,
        reason: "goodwill",
      },
    });
    await correct(leg, 0);
    expect(await outbox(leg)).toEqual([
      ["meter-event", "task:1:1", 120, "superseded"],
      ["meter-event", "task:1:2", 20, "superseded"],
    ]);
    await correct(leg, 30);
    expect((await outbox(leg)).at(-1)).toEqual(["meter-event", "task:1:4", 30, "pending"]);
    expect((await inAccount(given, leg, (tx) => sumCharges(tx, leg))).amountCents).toBe(30);
  });

  test("within a day has Stripe forget the event and sends a new one", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg);
    await deliver(leg);
    await correct(leg, 20);
    expect(await outbox(leg)).toEqual([
      ["meter-event", "task:1:1", 120, "delivered"],
      ["meter-cancel", "task:1:1:cancel", 0, "pending"],
      ["meter-event", "task:1:2", 20, "pending"],
    ]);
  });

  test("later sends the difference, never below what the period has", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg);
    await deliver(leg, 2);
    expect((await correct(leg, 20)).step).toEqual({ kind: "send-difference" });
    expect((await outbox(leg)).at(-1)).toEqual(["meter-event", "task:1:2", -100, "pending"]);
  });

  test("of what is on an invoice is a credit note", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg);
    await deliver(leg, 2);
    await correct(leg, 20, { periodStart: new Date(Date.now() + 60_000) });
    expect((await outbox(leg)).at(-1)).toEqual(["credit-note", "task:1:2", -100, "pending"]);
  });

  test("of what nobody pays with billing off is the ledger's alone", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg, { terms: off });
    await correct(leg, 20, { billing: "off" });
    expect(await outbox(leg)).toEqual([]);
  });

  test("of what was used without a plan is the ledger's alone, more as well as less", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg, { bill: "ledger" });
    expect((await correct(leg, 200)).step).toEqual({ kind: "ledger-only" });
    expect((await correct(leg, 20)).step).toEqual({ kind: "ledger-only" });
    expect((await correct(leg, 50)).step).toEqual({ kind: "ledger-only" });
    expect(await outbox(leg)).toEqual([]);
    expect(await inAccount(given, leg, (tx) => sumCharges(tx, leg))).toMatchObject({
      ...{ amountCents: 50, sentCents: 0 },
    });
  });

  test("of a leg that cost nothing may charge it after all", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg, { reason: "goodwill" });
    await correct(leg, 50, { reason: "repository-fault" });
    expect(await outbox(leg)).toEqual([["meter-event", "task:1:2", 50, "pending"]]);
  });

  test("that changes nothing, owes less than nothing or has no charge is refused", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await expect(correct(leg, 0)).rejects.toMatchObject({ code: "charge-missing" });
    await endLeg(given, leg);
    for (const cents of [120, -1, 0.5])
      await expect(correct(leg, cents)).rejects.toMatchObject({ code: "correction-invalid" });
    expect(await listCharges(given, leg)).toHaveLength(1);
  });

  test("of what may have arrived waits until somebody knows", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg);
    await given.database.system.execute(
      sql`update ${billingOutbox} set attempts = 1, first_attempt_at = now() where account_id = ${leg.accountId}`,
    );
    await expect(correct(leg, 20)).rejects.toMatchObject({ code: "correction-by-hand" });
    expect(await listCharges(given, leg)).toHaveLength(1);
  });

  test("is made once by ten at once", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg);
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => correct(leg, 20)));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await inAccount(given, leg, (tx) => sumCharges(tx, leg))).amountCents).toBe(20);
    expect((await outbox(leg)).filter((row) => row[3] === "pending")).toEqual([
      ["meter-event", "task:1:2", 20, "pending"],
    ]);
  });
});

describe("what was charged stays", () => {
  test.each([
    "update charge set amount_cents = 0",
    "delete from charge",
    "truncate charge cascade",
    "delete from billing_outbox",
    "update billing_outbox set value_cents = 0",
    "update billing_outbox set identifier = 'x'",
    "update billing_outbox set attempts = attempts - 1",
    "update budget_alert set percent = 1",
  ])("%s is refused even for the owner", async (statement) => {
    await endLeg(given, await createLeg(given, [1_000_000]));
    await withOwner(given.url, async (db) => {
      const before = await db.$count(charge);
      await expect(db.execute(sql.raw(statement))).rejects.toMatchObject({ cause: { code: "23001" } });
      expect(await db.$count(charge)).toBe(before);
    });
  });

  test("what was delivered is at its end", async () => {
    const leg = await createLeg(given, [1_000_000]);
    await endLeg(given, leg);
    await deliver(leg);
    const again = given.database.system.execute(
      sql`update ${billingOutbox} set state = 'pending', delivered_at = null, delivered_via = null where account_id = ${leg.accountId}`,
    );
    await expect(again).rejects.toMatchObject({ cause: { code: "23001" } });
  });
});
