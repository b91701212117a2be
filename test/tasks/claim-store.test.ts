import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { account, task } from "../../db/schema.ts";
import { FencedError } from "../../src/errors.ts";
import { claimTask, recordAttemptEnd } from "../../src/tasks/claim-store.ts";
import { seedRepository, seedSession, seedTask, type Seeded } from "../cli/seed.ts";
import { openQuestion } from "../db/seed.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let home: TestDatabase;
let at: Seeded;
let taskId: string;

beforeEach(async () => {
  home = await createTestDatabase();
  at = await seedRepository(home.database, { owner: "acme", name: "widgets" });
  taskId = await newTask();
});
afterEach(() => home.close());

/** What a claim reads. */
const issue = { number: 1, id: 1, url: "https://github.com/acme/widgets/issues/1", title: "Turn", body: "" };
const context = {
  repository: { owner: "acme", name: "widgets" },
  issue: { ...issue, author: "alice", authorMayWrite: true },
  ...{ comments: [], attachments: [], pull: null, review: null, checks: null },
  ...{ base: { ref: "main", sha: "0".repeat(40) }, leftOutComments: 0, hiddenPieces: 0 },
};

const newTask = async () =>
  seedTask(home.database, { ...at, sessionId: await seedSession(home.database, at) }, { context });
const set = (values: Partial<typeof task.$inferInsert>) =>
  home.database.system.update(task).set(values).where(eq(task.id, taskId));
const claim = (id = taskId) =>
  withAccount(home.database.db, at.accountId, (tx) =>
    claimTask(tx, { taskId: id, accountId: at.accountId }, { defaultMonthMicroUsd: 1_000_000_000 }),
  );
const end = (fence: number, ended: "error" | "transient" | "drain") =>
  withAccount(home.database.db, at.accountId, (tx) => recordAttemptEnd(tx, { taskId, fence, ended }));

test("each claim raises the fence", async () => {
  expect(await claim()).toMatchObject({ ok: true, fence: 1, task: { status: "provisioning" } });
  expect(await claim()).toMatchObject({ ok: true, fence: 2 });
});

test("a task that has ended, waits for an answer, was stopped or is not there is not claimed", async () => {
  await set({ cancelRequestedAt: new Date() });
  expect(await claim()).toMatchObject({ ok: false, reason: "cancelled" });
  await set({ cancelRequestedAt: null, status: "waiting", question: openQuestion });
  expect(await claim()).toEqual({ ok: false, reason: "waiting" });
  await set({ status: "cancelled", question: null, finishedAt: new Date() });
  expect(await claim()).toEqual({ ok: false, reason: "ended" });
  expect(await claim(crypto.randomUUID())).toEqual({ ok: false, reason: "missing" });
});

test("no more of an account's tasks run at once than it may have", async () => {
  await home.database.system.update(account).set({ maxParallelTasks: 1 }).where(eq(account.id, at.accountId));
  const second = await newTask();
  const [one, other] = await Promise.all([claim(), claim(second)]);
  expect([one.ok, other.ok].toSorted()).toEqual([false, true]);
  expect([one, other]).toContainEqual(expect.objectContaining({ ok: false, reason: "account-full" }));
});

test("a worker that died without getting further counts as a failure, and the third is the last", async () => {
  await claim();
  expect(await claim()).toMatchObject({ ok: true, task: { failures: 1 } });
  expect(await claim()).toMatchObject({ ok: true, task: { failures: 2 } });
  expect(await claim()).toMatchObject({ ok: false, reason: "failed-too-often" });
});

test("a worker that stopped in order does not count, one that erred does, and only the newest may say so", async () => {
  await claim();
  expect(await end(1, "drain")).toEqual({ failures: 0 });
  expect(await claim()).toMatchObject({ ok: true, fence: 2, task: { failures: 0 } });
  await expect(end(1, "error")).rejects.toThrow(FencedError);
  expect(await end(2, "error")).toEqual({ failures: 1 });
  expect(await claim()).toMatchObject({ ok: true, fence: 3, task: { failures: 1 } });
});
