import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, charge } from "../../db/schema.ts";
import {
  claimAlerts,
  readCaps,
  readRest,
  updateAccountBudget,
  updateRepositoryCaps,
  type CapTask,
} from "../../src/usage/cap-store.ts";
import { newCharge } from "../db/seed.ts";
import { createTurn, changeTask } from "../gateway/fixture.ts";
import { inAccount } from "../billing/fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { task } from "../../db/schema.ts";

let given: TestDatabase;
const defaults = { defaultMonthMicroUsd: 50_000_000 };

beforeAll(async () => {
  given = await createTestDatabase();
});

afterAll(() => given.close());

async function createTask(): Promise<CapTask> {
  const { accountId, taskId, sessionId } = await createTurn(given.database, { requesterId: 7 });
  const [row] = await given.database.system.select().from(task).where(eq(task.id, taskId));
  return { accountId, taskId, sessionId, repositoryId: row?.repositoryId ?? 0, requesterId: 7 };
}

/** A further task of the account, running. */
async function addTask(of: CapTask, more: Partial<typeof task.$inferInsert> = {}): Promise<string> {
  const [row] = await given.database.system.select().from(task).where(eq(task.id, of.taskId));
  if (row === undefined) throw new Error("expected the task");
  const id = crypto.randomUUID();
  await given.database.system
    .insert(task)
    .values({ ...row, id, businessKey: id, status: "queued", finishedAt: null, ...more });
  return id;
}

const addCharge = (of: CapTask, priceMicroUsd: number, more: Partial<typeof charge.$inferInsert> = {}) =>
  given.database.system.insert(charge).values({
    ...newCharge({ ...of, installationId: 0 }),
    ...{ repositoryId: of.repositoryId, requesterId: of.requesterId, priceMicroUsd, ...more },
  });

const read = (of: CapTask) => inAccount(given, of, (tx) => readCaps(tx, of, defaults));

describe("caps", () => {
  test("the account's month is capped from the first minute; the others by the repository's settings", async () => {
    const of = await createTask();
    const month = new Date().toISOString().slice(0, 7);
    const nothing = { spentMicroUsd: 0, heldMicroUsd: 0 };
    expect(await read(of)).toEqual([
      { scope: "account", key: of.accountId, period: month, capMicroUsd: 50_000_000, ...nothing },
    ]);
    await inAccount(given, of, (tx) => updateAccountBudget(tx, { ...of, monthMicroUsd: 7 }));
    await inAccount(given, of, (tx) =>
      updateRepositoryCaps(tx, { ...of, caps: { month: 6, userMonth: 5, session: 4 } }),
    );
    expect(await read(of)).toMatchObject([
      { scope: "account", capMicroUsd: 7, period: month },
      { scope: "repository", key: String(of.repositoryId), capMicroUsd: 6, period: month },
      { scope: "user", key: "7", capMicroUsd: 5, period: month },
      { scope: "session", key: of.sessionId, capMicroUsd: 4, period: "" },
    ]);
  });

  test("each counts what is its own, of this month; a conversation counts all its life", async () => {
    const of = await createTask();
    await inAccount(given, of, (tx) =>
      updateRepositoryCaps(tx, { ...of, caps: { month: 1e9, userMonth: 1e9, session: 1e9 } }),
    );
    await addCharge(of, 1);
    await addCharge(of, 10, { leg: 2, requesterId: 8 });
    await addCharge(of, 100, { leg: 3, repositoryId: 1, requesterId: 7 });
    await addCharge(of, 1_000, {
      leg: 4,
      createdAt:
        sql`date_trunc('month', now() at time zone 'utc') at time zone 'utc' - interval '1 second'` as unknown as Date,
    });
    await addCharge(of, -5, { kind: "correction", revision: 2, amountCents: 0 });
    const spent = (await read(of)).map(({ scope, spentMicroUsd }) => [scope, spentMicroUsd]);
    expect(spent).toEqual([
      ["account", 106],
      ["repository", 6],
      ["user", -4],
      ["session", 1_106],
    ]);
  });

  test("running tasks hold what they may still cost, the task itself and waiting ones do not", async () => {
    const of = await createTask();
    await changeTask(given.database, of.taskId, { status: "completed", finishedAt: new Date() });
    const running = await addTask(of, { status: "running", budgetMicroUsd: 3_000_000 });
    await addTask(of, { status: "queued", budgetMicroUsd: 9_000_000 });
    expect(await read(of)).toMatchObject([{ heldMicroUsd: 3_000_000 }]);
    await addCharge({ ...of, taskId: running }, 1_000_000);
    expect(await read(of)).toMatchObject([{ heldMicroUsd: 2_000_000, spentMicroUsd: 1_000_000 }]);
    await addCharge({ ...of, taskId: running }, 9_000_000, { leg: 2 });
    expect(await read(of)).toMatchObject([{ heldMicroUsd: 0, spentMicroUsd: 10_000_000 }]);
    expect(await inAccount(given, of, (tx) => readRest(tx, running))).toBe(0);
    expect(await read({ ...of, taskId: running })).toMatchObject([{ heldMicroUsd: 0 }]);
  });

  test("of another account nothing counts", async () => {
    const [of, other] = [await createTask(), await createTask()];
    await addCharge(other, 5);
    expect(await read(of)).toMatchObject([{ spentMicroUsd: 0, heldMicroUsd: 0 }]);
  });

  test("nothing and less is no budget", async () => {
    const of = await createTask();
    const set = given.database.system
      .update(account)
      .set({ monthlyBudgetMicroUsd: 0 })
      .where(eq(account.id, of.accountId));
    await expect(set).rejects.toMatchObject({ cause: { constraint: "account_monthly_budget_positive" } });
  });
});

describe("alerts", () => {
  const claim = async (of: CapTask) =>
    (
      await inAccount(given, of, async (tx) =>
        claimAlerts(tx, { of, uses: await readCaps(tx, of, defaults) }),
      )
    ).map(({ percent }) => percent);

  test("are claimed once for each share and period, the largest that is new", async () => {
    const of = await createTask();
    expect(await claim(of)).toEqual([]);
    await addCharge(of, 25_000_000);
    expect(await Promise.all(Array.from({ length: 8 }, () => claim(of)))).toHaveLength(8);
    expect(await claim(of)).toEqual([]);
    await addCharge(of, 30_000_000, { leg: 2 });
    expect(await claim(of)).toEqual([100]);
    expect(await claim(of)).toEqual([]);
  });

  test("of eight at once one is told", async () => {
    const of = await createTask();
    await addCharge(of, 25_000_000);
    const told = await Promise.all(Array.from({ length: 8 }, () => claim(of)));
    expect(told.flat()).toEqual([50]);
  });
});
