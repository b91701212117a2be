import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { session, step, task } from "../../db/schema.ts";
import { FencedError } from "../../src/errors.ts";
import { addNotices, addRemark, assertFence, updateClaimed } from "../../src/tasks/fence-store.ts";
import { beginStep, finishStep } from "../../src/tasks/step-store.ts";
import { runStep } from "../../src/tasks/steps.ts";
import { newSession, newTask, seedTenant, type Tenant } from "../db/seed.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let home: TestDatabase;
let tenant: Tenant;
let issueNumber = 100;
/** What reached the outside. */
let effects: string[];

beforeAll(async () => {
  home = await createTestDatabase();
});
afterAll(() => home.close());

/** A running task under fence 1. */
beforeEach(async () => {
  const { system } = home.database;
  const seeded = await seedTenant(system);
  tenant = { ...seeded, sessionId: crypto.randomUUID(), taskId: crypto.randomUUID() };
  await system.insert(session).values({ ...newSession(tenant), issueNumber: (issueNumber += 1) });
  await system.insert(task).values({ ...newTask(tenant), status: "running", fence: 1 });
  effects = [];
});

const holder = (fence = 1) => ({ taskId: tenant.taskId, accountId: tenant.accountId, fence });
const inAccount = <T>(run: Parameters<typeof withAccount<T>>[2]) =>
  withAccount(home.database.db, tenant.accountId, run);
const claimAs = (fence: number) =>
  home.database.system.update(task).set({ fence }).where(eq(task.id, tenant.taskId));
const rowOf = async () =>
  (await home.database.system.select().from(step).where(eq(step.taskId, tenant.taskId)))[0];

/** A step that comments, as the world outside sees it. */
const comment = (fence = 1, while_: { acting?: () => Promise<unknown> } = {}) =>
  runStep({ db: home.database.db }, holder(fence), {
    name: "comment",
    find: () => Promise.resolve(effects[0] ?? null),
    act: async () => {
      effects.push(`by ${fence}`);
      await while_.acting?.();
      return `by ${fence}`;
    },
  });
const outage = () => Promise.reject(new Error("the answer was lost"));

test("a step is done once, and again it answers what it was", async () => {
  expect(await comment()).toBe("by 1");
  expect(await comment()).toBe("by 1");
  expect(await rowOf()).toMatchObject({ status: "done", result: "by 1", attempt: 1 });
  // Nobody needs to look outside for what is recorded.
  effects = [];
  expect(await comment()).toBe("by 1");
  expect(effects).toEqual([]);
});

test("an effect whose answer was lost is looked up and not done again", async () => {
  await expect(comment(1, { acting: outage })).rejects.toThrow("the answer was lost");
  expect(await comment()).toBe("by 1");
  expect(effects).toEqual(["by 1"]);
  expect(await rowOf()).toMatchObject({ status: "done", result: "by 1", attempt: 2 });
});

test("who was claimed away begins nothing, and records nothing", async () => {
  await claimAs(2);
  await expect(comment(1)).rejects.toThrow(FencedError);
  expect(effects).toEqual([]);
  expect(await rowOf()).toBeUndefined();
});

test("who is claimed away between the look-up and the effect does nothing", async () => {
  await expect(comment(1, { acting: outage })).rejects.toThrow("the answer was lost");
  effects = [];
  const overtaken = runStep({ db: home.database.db }, holder(1), {
    name: "comment",
    find: async () => {
      await claimAs(2);
      return null;
    },
    act: () => {
      effects.push("by 1, too late");
      return Promise.resolve("by 1, too late");
    },
  });
  await expect(overtaken).rejects.toThrow(FencedError);
  expect(effects).toEqual([]);
});

test("who is claimed away during the effect does not record it: the next holder finds it", async () => {
  await expect(comment(1, { acting: () => claimAs(2) })).rejects.toThrow(FencedError);
  expect(await rowOf()).toMatchObject({ status: "started", fence: 1 });
  await home.database.system
    .update(step)
    .set({ startedAt: new Date(Date.now() - 60_000) })
    .where(eq(step.taskId, tenant.taskId));
  expect(await comment(2)).toBe("by 1");
  expect(effects).toEqual(["by 1"]);
});

test("a step that an earlier holder began a moment ago is left to it", async () => {
  await inAccount((tx) => beginStep(tx, holder(1), "comment"));
  await claimAs(2);
  expect(await inAccount((tx) => beginStep(tx, holder(2), "comment"))).toBe("somebody-is-at-it");
  await home.database.system
    .update(step)
    .set({ startedAt: new Date(Date.now() - 60_000) })
    .where(eq(step.taskId, tenant.taskId));
  expect(await inAccount((tx) => beginStep(tx, holder(2), "comment"))).toEqual({
    done: false,
    mayStand: true,
  });
});

test("one's own step is begun again at once, and may stand", async () => {
  expect(await inAccount((tx) => beginStep(tx, holder(1), "x"))).toEqual({ done: false, mayStand: false });
  expect(await inAccount((tx) => beginStep(tx, holder(1), "x"))).toEqual({ done: false, mayStand: true });
});

test("under an old fence nothing of a task or its steps changes", async () => {
  await inAccount((tx) => beginStep(tx, holder(1), "x"));
  await claimAs(2);
  const old = { taskId: tenant.taskId, fence: 1 };
  const tries = [
    inAccount((tx) => assertFence(tx, old)),
    inAccount((tx) => beginStep(tx, holder(1), "y")),
    inAccount((tx) => finishStep(tx, holder(1), { name: "x", result: "late" })),
    inAccount((tx) => updateClaimed(tx, { ...old, set: { prompt: "late" } })),
    inAccount((tx) => addNotices(tx, { ...old, notices: {} })),
    inAccount((tx) => addRemark(tx, { ...old, remark: "late" })),
  ];
  for (const result of await Promise.allSettled(tries))
    expect(result).toMatchObject({ status: "rejected", reason: expect.any(FencedError) as unknown });
  expect(await rowOf()).toMatchObject({ status: "started", result: null });
});

test("a task that has ended is changed by nobody, its own holder included", async () => {
  await home.database.system
    .update(task)
    .set({ status: "cancelled", finishedAt: new Date(), startedAt: new Date() })
    .where(eq(task.id, tenant.taskId));
  const change = inAccount((tx) => updateClaimed(tx, { ...holder(1), set: { prompt: "late" } }));
  await expect(change).rejects.toThrow(FencedError);
});
