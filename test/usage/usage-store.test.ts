import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { modelCall, usage } from "../../db/schema.ts";
import { TransientError } from "../../src/errors.ts";
import { recordUsage, sumTaskUsage, type Attempt } from "../../src/usage/usage-store.ts";
import { changeTask, createTurn } from "../gateway/fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let test_: TestDatabase;

beforeAll(async () => {
  test_ = await createTestDatabase();
});

afterAll(() => test_.close());

type Turn = Awaited<ReturnType<typeof createTurn>>;

const settled = {
  status: "settled",
  costMicroUsd: 700,
  inputTokens: 10,
  outputTokens: 20,
  cacheReadTokens: 30,
} as const;

async function addCall(turn: Turn, values: Partial<typeof modelCall.$inferInsert> = {}) {
  await test_.database.system.insert(modelCall).values({
    ...{ id: randomUUID(), accountId: turn.accountId, taskId: turn.taskId, fence: 1 },
    ...{ model: "claude-sonnet-4-5", status: "reserved", reservedMicroUsd: 9_000, ...values },
  });
}

const record = (turn: Turn, more: Partial<Attempt> = {}) =>
  withAccount(test_.database.db, turn.accountId, (tx) =>
    recordUsage(tx, { ...turn, attempt: 1, fault: "none", ...more }),
  );

const listUsage = ({ taskId }: Turn) =>
  test_.database.system.select().from(usage).where(eq(usage.taskId, taskId)).orderBy(usage.costMicroUsd);

test("a good attempt is in the ledger once, at its cost, without what was refused", async () => {
  const turn = await createTurn(test_.database);
  await addCall(turn, settled);
  await addCall(turn, { ...settled, costMicroUsd: 900 });
  await addCall(turn, { status: "refused", costMicroUsd: 0, httpStatus: 529 });
  await record(turn);
  await record(turn);
  const rows = await listUsage(turn);
  expect(rows).toMatchObject([
    {
      costMicroUsd: 700,
      priceMicroUsd: 700,
      attempt: 1,
      fault: "none",
      outputTokens: 20,
      cacheReadTokens: 30,
    },
    { costMicroUsd: 900, priceMicroUsd: 900, sessionId: turn.sessionId },
  ]);
  expect(rows).toHaveLength(2);
});

test("a lost attempt costs the account nothing, and what nobody settled is taken at its worst", async () => {
  const turn = await createTurn(test_.database);
  await addCall(turn, settled);
  await addCall(turn);
  await record(turn, { fault: "platform" });
  expect(await listUsage(turn)).toMatchObject([
    { costMicroUsd: 700, priceMicroUsd: 0, fault: "platform" },
    { costMicroUsd: 9_000, priceMicroUsd: 0, fault: "platform", outputTokens: 0 },
  ]);
});

test("a good attempt waits until its calls are settled", async () => {
  const turn = await createTurn(test_.database);
  await addCall(turn, settled);
  await addCall(turn);
  await expect(record(turn)).rejects.toThrow(TransientError);
  expect(await listUsage(turn)).toEqual([]);
});

test("an attempt takes only its own calls, and two attempts are both in the sum", async () => {
  const turn = await createTurn(test_.database);
  await addCall(turn, settled);
  await addCall(turn);
  await record(turn, { fault: "platform" });
  await changeTask(test_.database, turn.taskId, { fence: 2 });
  await addCall(turn, { ...settled, fence: 2, costMicroUsd: 50, model: "claude-haiku-4-5" });
  const expected = {
    models: [
      { model: "claude-sonnet-4-5", calls: 2, costMicroUsd: 9_700, priceMicroUsd: 0, outputTokens: 20 },
      { model: "claude-haiku-4-5", calls: 1, costMicroUsd: 50, priceMicroUsd: 50, outputTokens: 20 },
    ],
    costMicroUsd: 9_750,
    priceMicroUsd: 50,
  };
  expect(await sumTaskUsage(test_.database.db, turn)).toMatchObject(expected);
  await record(turn, { attempt: 2 });
  expect(await listUsage(turn)).toHaveLength(3);
  expect(await sumTaskUsage(test_.database.db, turn)).toMatchObject(expected);
});

test("a call under way is in no sum, and a task without calls has cost nothing", async () => {
  const turn = await createTurn(test_.database);
  await addCall(turn);
  expect(await sumTaskUsage(test_.database.db, turn)).toEqual({
    models: [],
    machine: { durationMs: 0, costMicroUsd: 0, priceMicroUsd: 0 },
    costMicroUsd: 0,
    priceMicroUsd: 0,
  });
});

test("another account sees and records nothing", async () => {
  const [turn, other] = [await createTurn(test_.database), await createTurn(test_.database)];
  await addCall(turn, settled);
  const asOther = { accountId: other.accountId, taskId: turn.taskId };
  expect((await sumTaskUsage(test_.database.db, asOther)).costMicroUsd).toBe(0);
  await withAccount(test_.database.db, other.accountId, (tx) =>
    recordUsage(tx, { ...turn, attempt: 1, fault: "none" }),
  );
  expect(await listUsage(turn)).toEqual([]);
});
