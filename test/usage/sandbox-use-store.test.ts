import { setTimeout as delay } from "node:timers/promises";
import { eq, sql } from "drizzle-orm";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uuidv7 } from "uuidv7";
import { withAccount } from "../../db/client.ts";
import { sandboxUse, usage } from "../../db/schema.ts";
import { meterMachine } from "../../src/usage/meter-machine.ts";
import { findRateCard } from "../../src/usage/rate-cards.ts";
import {
  readClock,
  recordInterval,
  sumSessionHours,
  type MachineUse,
} from "../../src/usage/sandbox-use-store.ts";
import { recordUsage, sumTaskUsage } from "../../src/usage/usage-store.ts";
import { changeTask, createTurn } from "../gateway/fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let given: TestDatabase;
const card = findRateCard(new Date());
const log = pino({ level: "silent" });

beforeAll(async () => {
  given = await createTestDatabase();
});

afterAll(() => given.close());

async function createUse(): Promise<MachineUse> {
  const { accountId, taskId, sessionId } = await createTurn(given.database);
  return { accountId, taskId, sessionId, attempt: 1, provider: "e2b", sandboxId: `box-${taskId}` };
}

const ago = (now: Date, seconds: number) => new Date(now.getTime() - seconds * 1_000);
const listUse = ({ taskId }: MachineUse) =>
  given.database.system
    .select()
    .from(sandboxUse)
    .where(eq(sandboxUse.taskId, taskId))
    .orderBy(sandboxUse.sequence);

test("intervals follow each other without a gap and without a moment twice, and are priced by the card", async () => {
  const use = await createUse();
  const since = ago(await readClock(given.database.db), 30);
  for (let beat = 0; beat < 3; beat++) await recordInterval(given.database.db, { use, since, card });
  const rows = await listUse(use);
  expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  expect(rows[0]).toMatchObject({ vcpus: 2, memoryMib: 2_048, card: card.version, provider: "e2b" });
  expect(rows[0]?.startedAt).toEqual(since);
  expect(rows[1]?.startedAt).toEqual(rows[0]?.endedAt);
  expect(rows[2]?.startedAt).toEqual(rows[1]?.endedAt);
  // 37 micro-USD a second.
  expect(rows[0]?.costMicroUsd).toBeGreaterThanOrEqual(1_110);
  expect(rows[0]?.costMicroUsd).toBeLessThan(1_300);
});

test("two at once write one interval, and what a lost answer had written is not written again", async () => {
  const use = await createUse();
  const since = ago(await readClock(given.database.db), 60);
  await Promise.all(Array.from({ length: 6 }, () => recordInterval(given.database.db, { use, since, card })));
  const rows = await listUse(use);
  const metered = rows.reduce((sum, row) => sum + row.endedAt.getTime() - row.startedAt.getTime(), 0);
  const whole = (rows.at(-1)?.endedAt.getTime() ?? 0) - since.getTime();
  expect(metered).toBe(whole);
});

test("a worker that was away for long meters two minutes of it", async () => {
  const use = await createUse();
  const since = ago(await readClock(given.database.db), 3_600);
  const written = await recordInterval(given.database.db, { use, since, card });
  expect((written?.endedAt.getTime() ?? 0) - (written?.startedAt.getTime() ?? 0)).toBe(120_000);
});

test("a worker that was overtaken meters nothing", async () => {
  const use = await createUse();
  await changeTask(given.database, use.taskId, { fence: 2 });
  const since = ago(await readClock(given.database.db), 30);
  expect(await recordInterval(given.database.db, { use, since, card })).toBeNull();
  expect(await listUse(use)).toEqual([]);
});

test("work is metered while it goes on and at its end, well or not", async () => {
  const use = await createUse();
  const enough = async () => {
    while ((await listUse(use)).length < 3) await delay(5);
    return "done";
  };
  expect(await meterMachine({ db: given.database.db, log }, { use, card, everyMs: 5 }, enough)).toBe("done");
  const failing = meterMachine({ db: given.database.db, log }, { use, card, everyMs: 60_000 }, () =>
    Promise.reject(new Error("the turn failed")),
  );
  const before = (await listUse(use)).length;
  await expect(failing).rejects.toThrow("the turn failed");
  expect((await listUse(use)).length).toBe(before + 1);
});

test("the ledger takes each interval once, and nothing of a lost attempt is owed", async () => {
  const use = await createUse();
  const since = ago(await readClock(given.database.db), 60);
  await recordInterval(given.database.db, { use, since, card });
  const before = await sumTaskUsage(given.database.db, use);
  expect(before).toMatchObject({ models: [], costMicroUsd: before.machine.costMicroUsd });
  expect(before.machine.priceMicroUsd).toBe(before.machine.costMicroUsd);
  const record = (fault: "none" | "platform") =>
    withAccount(given.database.db, use.accountId, (tx) => recordUsage(tx, { ...use, fault }));
  await record("platform");
  await record("none");
  const rows = await given.database.system.select().from(usage).where(eq(usage.taskId, use.taskId));
  expect(rows).toMatchObject([{ kind: "sandbox", model: "e2b", fault: "platform", priceMicroUsd: 0 }]);
  expect(rows[0]?.costMicroUsd).toBe(before.machine.costMicroUsd);
  expect(rows[0]?.durationMs).toBe(before.machine.durationMs);
  expect(await sumTaskUsage(given.database.db, use)).toMatchObject({
    costMicroUsd: before.costMicroUsd,
    priceMicroUsd: 0,
  });
});

test("a session's hours are the sum of its intervals", async () => {
  const use = await createUse();
  const at = new Date("2026-01-01T00:00:00Z");
  const interval = (sequence: number, hours: number) => ({
    ...{ id: uuidv7(), ...use, sequence, vcpus: 2, memoryMib: 2_048, costMicroUsd: 0, card: "2026-11" },
    ...{ startedAt: at, endedAt: new Date(at.getTime() + hours * 3_600_000) },
  });
  await given.database.system.insert(sandboxUse).values([interval(1, 0.25), interval(2, 1)]);
  const hours = await withAccount(given.database.db, use.accountId, (tx) => sumSessionHours(tx, use));
  expect(hours).toBe(1.25);
});

test("a machine of this host is metered in time and costs nothing", async () => {
  const use = { ...(await createUse()), provider: "local" };
  const since = ago(await readClock(given.database.db), 60);
  expect(await recordInterval(given.database.db, { use, since, card })).toMatchObject({ costMicroUsd: 0 });
  expect((await sumTaskUsage(given.database.db, use)).machine.durationMs).toBeGreaterThanOrEqual(60_000);
});

test("the meter is never changed", async () => {
  const use = await createUse();
  await recordInterval(given.database.db, { use, since: ago(await readClock(given.database.db), 1), card });
  for (const db of [given.database.db, given.database.system])
    await expect(db.execute(sql`delete from sandbox_use`)).rejects.toMatchObject({
      cause: { code: "42501" },
    });
});
