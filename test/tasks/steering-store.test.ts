import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eq } from "drizzle-orm";
import { withAccount } from "../../db/client.ts";
import { session, step, task } from "../../db/schema.ts";
import { FencedError } from "../../src/errors.ts";
import { steerTask } from "../../src/tasks/steer-task.ts";
import { listForTurn, listUnhanded, markHanded, steerChannel } from "../../src/tasks/steering-store.ts";
import { endTask } from "../../src/tasks/task-store.ts";
import { newSession, newTask, seedTenant, type Tenant } from "../db/seed.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { untilTrue } from "../support/until-true.ts";

let home: TestDatabase;
let tenant: Tenant;
let numbers = 100;

beforeAll(async () => {
  home = await createTestDatabase();
});
afterAll(() => home.close());

/** A session of its own with one running task under fence 1. */
beforeEach(async () => {
  const { system } = home.database;
  const seeded = await seedTenant(system);
  tenant = { ...seeded, sessionId: crypto.randomUUID(), taskId: crypto.randomUUID() };
  await system.insert(session).values({ ...newSession(tenant), issueNumber: (numbers += 1) });
  await system.insert(task).values({ ...newTask(tenant), status: "running", fence: 1 });
});

const inAccount = <T>(run: Parameters<typeof withAccount<T>>[2]) =>
  withAccount(home.database.db, tenant.accountId, run);
const steer = (text: string, commentId = (numbers += 1)) =>
  steerTask(
    { db: home.database.db },
    { ...tenant, comment: { kind: "comment", commentId, author: "mona", text } },
  );
const texts = async (list: typeof listForTurn) =>
  (await inAccount((tx) => list(tx, tenant.taskId))).map(({ text }) => text);
const hand = async (fence: number, ...words: string[]) => {
  const rows = await inAccount((tx) => listForTurn(tx, tenant.taskId));
  const ids = rows.filter(({ text }) => words.includes(text)).map(({ id }) => id);
  return inAccount((tx) => markHanded(tx, { taskId: tenant.taskId, fence, ids }));
};
const finish = (name: string, fence: number) =>
  home.database.system.insert(step).values({
    taskId: tenant.taskId,
    accountId: tenant.accountId,
    name,
    fence,
    status: "done",
    finishedAt: new Date(),
  });

test("a comment is kept once, in order, and its worker hears of it", async () => {
  const heard: string[] = [];
  const stop = await home.database.listen(steerChannel, (id) => heard.push(id));
  expect(await steer("first", 7)).toBe("handed-to-turn");
  expect(await steer("first again", 7)).toBe("handed-to-turn");
  await steer("second");
  await untilTrue(() => heard.length >= 2, 5_000);
  await stop();
  expect(heard).toEqual([tenant.taskId, tenant.taskId]);
  expect(await texts(listUnhanded)).toEqual(["first", "second"]);
});

test("what is handed under the claim's fence is not left over; an older fence hands nothing", async () => {
  await steer("first");
  await steer("second");
  expect(await hand(1, "first")).toBe(1);
  expect(await texts(listUnhanded)).toEqual(["second"]);
  await home.database.system.update(task).set({ fence: 2 }).where(eq(task.id, tenant.taskId));
  await expect(hand(1, "second")).rejects.toBeInstanceOf(FencedError);
  expect(await hand(2, "second")).toBe(2);
});

test("a turn that was lost with what it was given is given it again; one that was kept is not", async () => {
  await steer("first");
  await hand(1, "first");
  expect(await texts(listForTurn), "the turn was lost").toEqual(["first"]);
  await finish("turn", 1);
  await steer("second");
  expect(await texts(listForTurn), "the next leg").toEqual(["second"]);
});

test.each(["turn", "agent:machine-1"])("once %s is over, a comment is for the follow-up", async (name) => {
  await finish(name, 1);
  expect(await steer("late")).toBe("queued-for-follow-up");
});

test("the turn of an earlier leg is not the one that runs", async () => {
  await finish("turn", 1);
  await finish("agent:machine-1", 1);
  await home.database.system.update(task).set({ leg: 2, fence: 2 }).where(eq(task.id, tenant.taskId));
  expect(await steer("in time")).toBe("handed-to-turn");
});

test.each(["queued", "completed"] as const)("a task that is %s takes none", async (status) => {
  await home.database.system
    .update(task)
    .set({ status, finishedAt: status === "completed" ? new Date() : null })
    .where(eq(task.id, tenant.taskId));
  expect(await steer("hello")).toBe("no-running-task");
  expect(await texts(listUnhanded)).toEqual([]);
});

test("a comment and the end of its task meet: either the end has it, or there is no task any more", async () => {
  for (let round = 0; round < 20; round += 1) {
    const { system } = home.database;
    await system.update(task).set({ status: "running", finishedAt: null }).where(eq(task.id, tenant.taskId));
    const before = (await texts(listUnhanded)).length;
    const end = inAccount(async (tx) => {
      await endTask(tx, {
        taskId: tenant.taskId,
        status: "cancelled",
        outcome: { kind: "cancelled", by: "mona" },
      });
      return (await listUnhanded(tx, tenant.taskId)).length;
    });
    const [steered, left] = await Promise.all([steer(`round ${round}`), end]);
    expect(left - before).toBe(steered === "no-running-task" ? 0 : 1);
  }
});
