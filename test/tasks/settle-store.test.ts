import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { modelCall, step, usage } from "../../db/schema.ts";
import { settleEarlier, settleOvertaken } from "../../src/tasks/settle-store.ts";
import { createTurn } from "../gateway/fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let given: TestDatabase;
beforeAll(async () => {
  given = await createTestDatabase();
});
afterAll(() => given.close());

type Turn = Awaited<ReturnType<typeof createTurn>>;

/** An attempt that asked the model once. */
async function attempt(turn: Turn, fence: number): Promise<void> {
  await given.database.system.insert(modelCall).values({
    ...{ id: randomUUID(), accountId: turn.accountId, taskId: turn.taskId, fence, costMicroUsd: 700 },
    ...{ model: "claude-sonnet-4-5", status: "settled", reservedMicroUsd: 9_000 },
  });
}

const done = (turn: Turn, fence: number, name: string) =>
  given.database.system.insert(step).values({
    ...{ taskId: turn.taskId, accountId: turn.accountId, name, fence, status: "done", result: {} },
    finishedAt: new Date(),
  });

const at = (turn: Turn, fence: number) => ({ ...turn, id: turn.taskId, fence });
const overtaken = (turn: Turn, fence: number) =>
  withAccount(given.database.db, turn.accountId, (tx) => settleOvertaken(tx, at(turn, fence)));
const earlier = (turn: Turn, fence: number, fault: "none" | "platform" = "none") =>
  withAccount(given.database.db, turn.accountId, (tx) => settleEarlier(tx, { task: at(turn, fence), fault }));

const ledger = async ({ taskId }: Turn) => {
  const rows = await given.database.system
    .select()
    .from(usage)
    .where(eq(usage.taskId, taskId))
    .orderBy(usage.attempt);
  return rows.map((row) => `${row.attempt}: ${row.fault} ${row.priceMicroUsd}`);
};

test.each([
  ["nothing of it is done", [], ["1: platform 0"]],
  ["its turn is kept", ["agent:a", "turn"], ["1: none 700"]],
  ["its second leg's turn is kept", ["agent:a:2", "turn:2"], ["1: none 700"]],
  ["its agent is done, its turn not kept: that is to be seen", ["agent:a"], []],
])("an attempt is overtaken, and %s", async (_what, names, expected) => {
  const turn = await createTurn(given.database);
  await attempt(turn, 1);
  for (const name of names) await done(turn, 1, name);
  await overtaken(turn, 1);
  expect(await ledger(turn)).toEqual(expected);
});

test("work that a later attempt has found where it stood is paid for, once", async () => {
  const turn = await createTurn(given.database);
  await attempt(turn, 1);
  await done(turn, 1, "agent:a");
  await overtaken(turn, 1);
  await overtaken(turn, 2);
  await earlier(turn, 3);
  await earlier(turn, 3);
  expect(await ledger(turn)).toEqual(["1: none 700"]);
});

test("work that was done anew in another machine is paid for there alone", async () => {
  const turn = await createTurn(given.database);
  await attempt(turn, 1);
  await done(turn, 1, "agent:a");
  await overtaken(turn, 1);
  await attempt(turn, 2);
  await done(turn, 2, "agent:b");
  await earlier(turn, 2);
  expect(await ledger(turn), "the second one is written by its own end").toEqual(["1: platform 0"]);
});

test("work whose machine was built up again has lost its step, and is not paid for", async () => {
  const turn = await createTurn(given.database);
  await attempt(turn, 1);
  await earlier(turn, 2);
  expect(await ledger(turn)).toEqual(["1: platform 0"]);
});

test("work that nobody kept before the task failed by our fault is not paid for", async () => {
  const turn = await createTurn(given.database);
  await attempt(turn, 1);
  await done(turn, 1, "agent:a");
  await earlier(turn, 2, "platform");
  expect(await ledger(turn)).toEqual(["1: platform 0"]);
});
