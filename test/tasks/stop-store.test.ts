import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { session, step, task } from "../../db/schema.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { cancelTasks } from "../../src/tasks/cancel-task.ts";
import { lockStopping, lockUnheld } from "../../src/tasks/stop-store.ts";
import { frozenContext } from "../../src/tasks/frozen-context.ts";
import { newSession, newTask, seedTenant, type Tenant } from "../db/seed.ts";
import { silent } from "../queue/start-worker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let home: TestDatabase;
let queue: Queue;
let tenant: Tenant;
let numbers = 100;

const context = frozenContext.parse({
  repository: { owner: "acme", name: "widgets" },
  issue: {
    number: 1,
    id: 1,
    url: "https://github.com/acme/widgets/issues/1",
    title: "Turn",
    body: "",
    author: "alice",
    authorMayWrite: true,
  },
  comments: [],
  attachments: [],
  pull: null,
  review: null,
  checks: null,
  base: { ref: "main", sha: "0".repeat(40) },
  leftOutComments: 0,
  hiddenPieces: 0,
});

beforeAll(async () => {
  home = await createTestDatabase();
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
});
afterAll(async () => {
  await queue.stop();
  await home.close();
});

/** A session of its own with one running task under fence 2. */
beforeEach(async () => {
  const { system } = home.database;
  tenant = { ...(await seedTenant(system)), sessionId: crypto.randomUUID(), taskId: crypto.randomUUID() };
  await system.insert(session).values({ ...newSession(tenant), issueNumber: (numbers += 1) });
  await system.insert(task).values({ ...newTask(tenant), context, status: "running", fence: 2 });
});

const claimNote = (fence: number, ended: string | null) =>
  home.database.system.insert(step).values({
    taskId: tenant.taskId,
    accountId: tenant.accountId,
    name: "claim",
    fence,
    status: "started",
    result: { doneSteps: 0, ended },
  });
const unheld = () =>
  withAccount(home.database.db, tenant.accountId, async (tx) =>
    (await lockUnheld(tx, { ...tenant, scope: { taskId: tenant.taskId } })).map(({ id }) => id),
  );
const stop = () =>
  cancelTasks(
    { db: home.database.db, queue, config: { billing: null, limits: { accountMonthMicroUsd: 50_000_000 } } },
    { ...tenant, scope: { sessionId: tenant.sessionId }, by: "mona" },
  );
const row = async () => {
  const [found] = await home.database.system.select().from(task).where(eq(task.id, tenant.taskId));
  return found;
};

test.each([
  ["its claim has not said how it ended", 2, null],
  ["a newer claim than the one that ended holds it", 1, "transient"],
] as const)("a worker holds the task: %s", async (_, fence, ended) => {
  await claimNote(fence, ended);
  expect(await unheld()).toEqual([]);
  expect(await stop()).toEqual({ stopping: [tenant.taskId], ended: [] });
  expect(await row()).toMatchObject({ status: "running", cancelRequestedBy: "mona" });
});

test.each(["transient", "error", "drain"])(
  "nobody holds it after an attempt that ended with %s",
  async (ended) => {
    await claimNote(2, ended);
    expect(await unheld()).toEqual([tenant.taskId]);
    expect(await stop()).toEqual({ stopping: [], ended: [tenant.taskId] });
    expect(await row()).toMatchObject({
      status: "cancelled",
      outcome: { kind: "cancelled", by: "mona" },
      receipt: { charged: false },
    });
  },
);

test("a stopped task that has not ended is found; one that ended or was not stopped is not", async () => {
  const locked = () =>
    withAccount(
      home.database.db,
      tenant.accountId,
      async (tx) => (await lockStopping(tx, tenant))?.id ?? null,
    );
  expect(await locked()).toBeNull();
  await claimNote(2, null);
  await stop();
  expect(await locked()).toBe(tenant.taskId);
  await home.database.system
    .update(task)
    .set({ status: "cancelled", finishedAt: new Date() })
    .where(eq(task.id, tenant.taskId));
  expect(await locked()).toBeNull();
});
