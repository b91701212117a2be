import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { task } from "../../db/schema.ts";
import { answerTask } from "../../src/tasks/answer-task.ts";
import { raiseBudget } from "../../src/tasks/raise-budget.ts";
import { findRepeatable } from "../../src/tasks/retry-task.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { seedRepository, seedSession, seedTask, type Seeded } from "../cli/seed.ts";
import { silent } from "../queue/start-worker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** A command's job may run twice: a worker dies after the database has taken what it did and before the thread has heard. */

let home: TestDatabase;
let queue: Queue;
let at: Seeded;

beforeAll(async () => {
  home = await createTestDatabase();
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  at = await seedRepository(home.database, { owner: "acme", name: "widgets" });
});
afterAll(async () => {
  await queue.stop();
  await home.close();
});

const frozen = {
  repository: { owner: "acme", name: "widgets" },
  issue: {
    ...{ number: 7, id: 1, url: "https://github.com/acme/widgets/issues/7", title: "Turn", body: "" },
    ...{ author: "alice", authorMayWrite: true },
  },
  ...{ comments: [], base: { ref: "main", sha: "0".repeat(40) }, leftOutComments: 0, hiddenPieces: 0 },
};

async function seedOpen(values: Partial<typeof task.$inferInsert>) {
  const sessionId = await seedSession(home.database, at);
  const taskId = await seedTask(home.database, { ...at, sessionId }, { context: frozen, ...values });
  return { sessionId, taskId };
}

const rowOf = async (taskId: string) =>
  (await home.database.system.select().from(task).where(eq(task.id, taskId)))[0];

const threadOf = (sessionId: string) => ({ repositoryId: at.repositoryId, issueNumber: 9_999, sessionId });

test("the same comment raises a budget once, another one again, and none past the limit", async () => {
  const { sessionId, taskId } = await seedOpen({ status: "running", fence: 1 });
  const by = { id: 7, login: "mona" };
  const raise = (businessKey: string, addMicroUsd = 2_000_000) =>
    raiseBudget(
      { db: home.database.db },
      { accountId: at.accountId, thread: threadOf(sessionId), addMicroUsd, businessKey, by },
    );
  expect(await raise("comment:1")).toMatchObject({ kind: "raised", budgetMicroUsd: 7_000_000 });
  expect(await raise("comment:1")).toMatchObject({ kind: "raised", budgetMicroUsd: 7_000_000 });
  expect(await raise("comment:2")).toMatchObject({ kind: "raised", budgetMicroUsd: 9_000_000 });
  expect(await raise("comment:3", 1_000_000_000)).toEqual({ kind: "too-much", budgetMicroUsd: 9_000_000 });
  expect(await rowOf(taskId)).toMatchObject({ budgetMicroUsd: 9_000_000, fence: 1, status: "running" });
});

test("the same comment answers a question once, and does not answer the next one", async () => {
  const question = {
    ...{ kind: "plan" as const, text: "Shall I?", sha: null },
    ...{ askedAt: "2026-11-22T10:00:00Z", expiresAt: "2099-11-29T10:00:00Z" },
  };
  const { sessionId, taskId } = await seedOpen({ status: "waiting", question });
  const answer = (key: string) =>
    answerTask(
      { db: home.database.db, queue, clock: { now: () => new Date() } },
      {
        ...{ accountId: at.accountId, sessionId, key, approved: true, text: "", sha: null },
        by: { id: 1, login: "alice" },
      },
    );
  expect(await answer("comment:10")).toMatchObject({ kind: "woken", task: { leg: 2, status: "queued" } });
  expect(await answer("comment:10")).toEqual({ kind: "answered-before" });
  await home.database.system.update(task).set({ status: "waiting" }).where(eq(task.id, taskId));
  expect(await answer("comment:10")).toEqual({ kind: "answered-before" });
  expect(await rowOf(taskId)).toMatchObject({ status: "waiting", leg: 2 });
  expect(await answer("comment:11")).toMatchObject({ kind: "woken", task: { leg: 3 } });
  expect(await answer("comment:12")).toEqual({ kind: "nothing-asked" });
});

test("a retry that has been made into a task is not refused because that task runs", async () => {
  const ended = {
    status: "failed" as const,
    finishedAt: new Date(),
    outcome: { kind: "budget", capMicroUsd: 1 },
  };
  const { sessionId } = await seedOpen({ ...ended, options: { newSession: true, maxTurns: 5, model: "a" } });
  const repeat = () =>
    findRepeatable(
      { db: home.database.db },
      {
        accountId: at.accountId,
        thread: threadOf(sessionId),
        businessKey: "comment:20",
        options: { model: "b" },
      },
    );
  expect(await repeat()).toMatchObject({ kind: "again", options: { maxTurns: 5, model: "b" } });
  await seedTask(
    home.database,
    { ...at, sessionId },
    { context: frozen, businessKey: "comment:20", status: "running", fence: 1 },
  );
  expect(await repeat()).toEqual({ kind: "repeated-before" });
});

test("a yes at a task's budget gives it as much again, one before its start nothing, and words are no yes", async () => {
  const question = {
    ...{ kind: "cost" as const, text: "More?", sha: null },
    ...{ askedAt: "2026-11-22T10:00:00Z", expiresAt: "2099-11-29T10:00:00Z" },
  };
  const cases = [
    { prompt: null, budget: 5_000_000 },
    { prompt: "You work on …", budget: 9_000_000 },
    { prompt: "You work on …", options: { budgetMicroUsd: 1_500_000 }, budget: 6_500_000 },
  ];
  for (const [index, { budget, ...values }] of cases.entries()) {
    const { sessionId, taskId } = await seedOpen({ status: "waiting", question, ...values });
    const answer = (approved: boolean) =>
      answerTask(
        { db: home.database.db, queue, clock: { now: () => new Date() } },
        {
          ...{
            accountId: at.accountId,
            sessionId,
            key: `comment:${30 + index}`,
            approved,
            text: "go on",
            sha: null,
          },
          ...{ by: { id: 1, login: "alice" }, usualBudgetMicroUsd: 4_000_000 },
        },
      );
    expect(await answer(false)).toEqual({ kind: "nothing-asked" });
    expect(await answer(true)).toMatchObject({ kind: "woken" });
    expect(await rowOf(taskId)).toMatchObject({ status: "queued", leg: 2, budgetMicroUsd: budget });
  }
});
