import { eq, sql } from "drizzle-orm";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { billingAccount, billingOutbox } from "../../db/schema.ts";
import { drainOutbox, type Send, type SendResult } from "../../src/billing/drain-outbox.ts";
import type { OutboxRow } from "../../src/billing/outbox-store.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { addUsage, createLeg, endLeg, nextLeg, type Leg } from "./fixture.ts";

let given: TestDatabase;
const logged: string[] = [];
const log = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });

beforeAll(async () => {
  given = await createTestDatabase();
});

afterAll(() => given.close());

beforeEach(async () => {
  logged.length = 0;
  await given.database.system.execute(
    sql`update ${billingOutbox} set state = 'dead', lease_until = null where state in ('pending', 'sending', 'reconcile')`,
  );
});

const ack: SendResult = { kind: "ack" };
const drain = (send: Send, limit = 100) =>
  drainOutbox({ system: given.database.system, log, send, random: () => 0 }, { limit });

/** A task of so many legs, each with its row in the outbox. */
async function createRows(legs: number): Promise<Leg> {
  let leg = await createLeg(given, [1_000_000]);
  await endLeg(given, leg);
  for (let n = 1; n < legs; n++) {
    leg = await nextLeg(given, leg);
    await addUsage(given, leg, [1_000_000], { attempt: leg.fence });
    await endLeg(given, leg);
  }
  return leg;
}

const rowsOf = ({ accountId }: Pick<Leg, "accountId">): Promise<OutboxRow[]> =>
  given.database.system
    .select()
    .from(billingOutbox)
    .where(eq(billingOutbox.accountId, accountId))
    .orderBy(billingOutbox.id);

const change = ({ accountId }: Leg, set: string) =>
  given.database.system.execute(
    sql`update ${billingOutbox} set ${sql.raw(set)} where account_id = ${accountId}`,
  );

test("what is owed by an account without a customer waits for one, untried, and holds up nobody", async () => {
  const without = await createRows(1);
  const customer = eq(billingAccount.accountId, without.accountId);
  await given.database.system.update(billingAccount).set({ stripeCustomerId: null }).where(customer);
  const other = await createRows(1);
  expect(await drain(() => Promise.resolve(ack))).toMatchObject({ delivered: 1 });
  expect(await rowsOf(without)).toMatchObject([{ state: "pending", attempts: 0 }]);
  expect(await rowsOf(other)).toMatchObject([{ state: "delivered" }]);
  await given.database.system.update(billingAccount).set({ stripeCustomerId: "cus_late" }).where(customer);
  expect(await drain(() => Promise.resolve(ack))).toMatchObject({ delivered: 1 });
});

test("what is due is sent once, in its order, and a second drain finds nothing", async () => {
  const leg = await createRows(3);
  const sent: string[] = [];
  const report = await drain((row, attempt) => {
    sent.push(`${row.identifier}#${attempt}`);
    return Promise.resolve(ack);
  });
  expect(sent).toEqual([1, 2, 3].map((n) => `${leg.taskId}:${n}:1#1`));
  expect(report).toEqual({ delivered: 3, later: 0, dead: 0, reconcile: 0 });
  expect(await drain(() => Promise.reject(new Error("nothing is due")))).toMatchObject({
    delivered: 0,
    later: 0,
  });
  expect(await rowsOf(leg)).toMatchObject([1, 2, 3].map(() => ({ state: "delivered", deliveredVia: "ack" })));
});

test("that it is tried is written down before it is", async () => {
  const leg = await createRows(1);
  await drain(async () => {
    expect(await rowsOf(leg)).toMatchObject([
      { state: "sending", attempts: 1, firstAttemptAt: expect.any(Date) as unknown },
    ]);
    return ack;
  });
});

test("a lost answer is sent again under the same identifier, and a duplicate counts as delivered", async () => {
  const leg = await createRows(1);
  const taken = new Set<string>();
  const attempts: number[] = [];
  const send: Send = async (row, attempt) => {
    attempts.push(attempt);
    if (taken.has(row.identifier)) return { kind: "duplicate" };
    taken.add(row.identifier);
    throw await Promise.resolve(new Error("socket hang up"));
  };
  await drain(send);
  expect(attempts).toEqual([1, 2]);
  expect(await rowsOf(leg)).toMatchObject([{ state: "delivered", deliveredVia: "duplicate", problem: null }]);
});

test("a refusal is believed at the first attempt only", async () => {
  const [first, later] = [await createRows(1), await createRows(1)];
  const send: Send = (row, attempt) =>
    Promise.resolve(
      row.accountId === first.accountId || attempt > 1
        ? { kind: "refused", problem: "no such customer" }
        : { kind: "later", problem: "500" },
    );
  expect(await drain(send)).toEqual({ delivered: 0, later: 1, dead: 1, reconcile: 1 });
  expect(await rowsOf(first)).toMatchObject([{ state: "dead", problem: "no such customer" }]);
  expect(await rowsOf(later)).toMatchObject([{ state: "reconcile" }]);
  expect(logged.join("")).toContain("a charge was not taken");
});

test("a row that does not go through keeps no other one back", async () => {
  const [poison, good] = [await createRows(1), await createRows(1)];
  const send: Send = (row) =>
    Promise.resolve(
      row.accountId === poison.accountId ? { kind: "later", problem: "429", retryAfterMs: 60_000 } : ack,
    );
  await drain(send);
  expect(await rowsOf(good)).toMatchObject([{ state: "delivered" }]);
  const [row] = await rowsOf(poison);
  expect(row).toMatchObject({ state: "pending", problem: "429" });
  expect(row?.nextAt.getTime()).toBeGreaterThan(Date.now() + 30_000);
});

test("a key that is not accepted pauses everything, loudly; with one that is it goes on by itself", async () => {
  const leg = await createRows(2);
  const other = await createRows(1);
  let calls = 0;
  await drain(() => {
    calls += 1;
    return Promise.resolve({ kind: "unauthorized", problem: "401" });
  });
  expect(calls).toBe(1);
  expect(logged.filter((line) => line.includes("look at STRIPE_SECRET_KEY"))).toHaveLength(1);
  expect(await drain(() => Promise.reject(new Error("it is paused")))).toMatchObject({ later: 0 });
  expect([...(await rowsOf(leg)), ...(await rowsOf(other))]).toMatchObject([
    { state: "pending", attempts: 1, problem: "Stripe does not take the key: 401" },
    { state: "pending", attempts: 0 },
    { state: "pending", attempts: 0 },
  ]);
  for (const of of [leg, other]) await change(of, "next_at = now()");
  expect(await drain(() => Promise.resolve(ack))).toMatchObject({ delivered: 3 });
  expect(await rowsOf(leg)).toMatchObject([{ problem: null }, { problem: null }]);
});

test("after 20 hours nothing is sent blindly", async () => {
  const [tried, untried] = [await createRows(1), await createRows(1)];
  await change(tried, "attempts = 1, first_attempt_at = now() - interval '20 hours 1 minute'");
  const sent: string[] = [];
  const report = await drain((row) => {
    sent.push(row.accountId);
    return Promise.resolve(ack);
  });
  expect(sent).toEqual([untried.accountId]);
  expect(report).toEqual({ delivered: 1, later: 0, dead: 0, reconcile: 1 });
  expect(await rowsOf(tried)).toMatchObject([{ state: "reconcile" }]);
});

test("the row of a sender that died is taken over when its lease is over, and the dead one writes nothing", async () => {
  const leg = await createRows(1);
  let answer: (result: SendResult) => void = () => undefined;
  let begun: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (begun = resolve));
  const frozen = drain(() => {
    begun();
    return new Promise((resolve) => (answer = resolve));
  });
  await asked;
  expect(await drain(() => Promise.resolve(ack))).toMatchObject({ delivered: 0 });
  await change(leg, "lease_until = now() - interval '1 second'");
  expect(await drain(() => Promise.resolve({ kind: "duplicate" }))).toMatchObject({ delivered: 1 });
  answer({ kind: "refused", problem: "late" });
  expect(await frozen).toEqual({ delivered: 0, later: 0, dead: 0, reconcile: 0 });
  expect(await rowsOf(leg)).toMatchObject([{ state: "delivered", deliveredVia: "duplicate", attempts: 2 }]);
});

test("four senders, two in five calls faulty: each charge is taken once, one at a time for an account", async () => {
  const legs: Leg[] = [];
  for (let n = 0; n < 4; n++) legs.push(await createRows(6));
  const taken = new Map<string, number>();
  const busy = new Set<string>();
  let n = 0;
  const send: Send = async (row) => {
    expect(busy.has(row.accountId)).toBe(false);
    busy.add(row.accountId);
    const fault = (n++ * 7) % 10;
    await new Promise((resolve) => setImmediate(resolve));
    busy.delete(row.accountId);
    if (fault === 0) throw new Error("dropped before it was processed");
    if (fault === 2) return { kind: "later", problem: "503", retryAfterMs: 0 };
    if (taken.has(row.identifier)) return { kind: "duplicate" };
    taken.set(row.identifier, row.valueCents);
    if (fault === 1 || fault === 5) throw new Error("dropped after it was processed");
    return ack;
  };
  const open = async () =>
    (await Promise.all(legs.map(rowsOf))).flat().filter(({ state }) => state !== "delivered");
  while ((await open()).length > 0) await Promise.all(Array.from({ length: 4 }, () => drain(send)));
  expect(taken.size).toBe(24);
  expect([...taken.values()].reduce((sum, cents) => sum + cents, 0)).toBe(24 * 120);
});
