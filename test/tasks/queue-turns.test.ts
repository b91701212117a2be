import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { account, task } from "../../db/schema.ts";
import { withAccount } from "../../db/client.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { PutBack } from "../../src/queue/put-back.ts";
import { openQueue } from "../../src/queue/queue.ts";
import { enqueueTask } from "../../src/tasks/enqueue-task.ts";
import { claimTask } from "../../src/tasks/claim-store.ts";
import type { ParallelLimits } from "../../src/tasks/line-places.ts";
import { findPlace, type Place } from "../../src/tasks/place-store.ts";
import { placeInLine, whyItWaits } from "../../src/tasks/queue-words.ts";
import { seedRepository, seedSession, seedTask, type Seeded } from "../cli/seed.ts";
import { silent, startWorker } from "../queue/start-worker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { untilTrue } from "../support/until-true.ts";

let home: TestDatabase;
let queue: Queue;
let at: Seeded;

beforeEach(async () => {
  home = await createTestDatabase();
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  at = await seedRepository(home.database, { owner: "acme", name: "widgets" });
});
afterEach(async () => {
  await queue.stop();
  await home.close();
});

const alice = { requesterId: 1, requesterLogin: "alice" };
const bob = { requesterId: 2, requesterLogin: "bob" };
const carol = { requesterId: 3, requesterLogin: "carol" };

/** What a claim reads. */
const issue = { number: 1, id: 1, url: "https://github.com/acme/widgets/issues/1", title: "Turn", body: "" };
const context = {
  repository: { owner: "acme", name: "widgets" },
  issue: { ...issue, author: "alice", authorMayWrite: true },
  ...{ comments: [], attachments: [], pull: null, review: null, checks: null },
  ...{ base: { ref: "main", sha: "0".repeat(40) }, leftOutComments: 0, hiddenPieces: 0 },
};

type Asked = { taskId: string; place: Place };

type More = { sessionId?: string; at?: Seeded; limits?: ParallelLimits };

async function ask(person: typeof alice, more: More = {}): Promise<Asked> {
  const where = more.at ?? at;
  const sessionId = more.sessionId ?? (await seedSession(home.database, where));
  const taskId = await seedTask(home.database, { ...where, sessionId }, { ...person, context });
  const { limits } = more;
  const ref = { taskId, accountId: where.accountId, sessionId, ...(limits === undefined ? {} : { limits }) };
  const place = await withAccount(home.database.db, where.accountId, (tx) => enqueueTask({ queue }, tx, ref));
  return { taskId, place };
}

/** Lets a worker with that many slots run all that stands in the line; the task ids as they came to run. */
async function runAll(count: number, concurrency = 1): Promise<string[]> {
  const order: string[] = [];
  const worker = await startWorker(
    home.url,
    {
      "run-task": async ({ taskId }) => {
        order.push(taskId);
        await home.database.system
          .update(task)
          .set({ status: "completed", finishedAt: sql`now()`, startedAt: sql`now()` })
          .where(eq(task.id, taskId));
      },
    },
    { concurrency },
  );
  try {
    await untilTrue(() => order.length === count, 30_000);
  } finally {
    await worker.stop();
  }
  return order;
}

test("twenty tasks of one person do not make a second one wait for all of them", async () => {
  const hers: string[] = [];
  for (let nth = 0; nth < 20; nth += 1) hers.push((await ask(alice)).taskId);
  const his = [await ask(bob), await ask(bob)];
  const theirs = await ask(carol);
  expect(his[0]?.place.ahead).toBe(1);
  const order = await runAll(23);
  const [first, second] = his.map(({ taskId }) => taskId);
  expect(order.slice(0, 5)).toEqual([hers[0], first, theirs.taskId, hers[1], second]);
  expect(order.filter((id) => hers.includes(id))).toEqual(hers);
});

test("nor those of one account a second account", async () => {
  await home.database.system.update(account).set({ maxParallelTasks: 20 });
  for (let nth = 0; nth < 8; nth += 1) await ask(alice);
  const elsewhere = await seedRepository(home.database, { owner: "other", name: "things" });
  const { taskId } = await ask(bob, { at: elsewhere });
  expect((await runAll(9)).indexOf(taskId)).toBe(1);
});

test("a turn is kept: whoever has waited for long is not overtaken by people who come later", async () => {
  await ask(alice);
  const old = await ask(alice);
  const late = await ask(bob);
  // As if hers had been asked for an hour earlier.
  await home.database.system.execute(
    sql`update step set result = jsonb_build_object('turn', extract(epoch from now()) - 3600) where task_id = ${old.taskId} and name = 'line'`,
  );
  const line = await withAccount(home.database.db, at.accountId, async (tx) => {
    const rows = await tx.select().from(task);
    const of = (id: string) => rows.find((row) => row.id === id)?.sessionId ?? "";
    const place = (id: string) => findPlace(tx, { taskId: id, accountId: at.accountId, sessionId: of(id) });
    return { old: await place(old.taskId), late: await place(late.taskId) };
  });
  expect(line.old.ahead).toBe(0);
  expect(line.late.ahead).toBe(2);
});

test("the tasks of one session run in the order they were asked for, whoever asked", async () => {
  const sessionId = await seedSession(home.database, at);
  for (let nth = 0; nth < 3; nth += 1) await ask(alice);
  const first = await ask(alice, { sessionId });
  const second = await ask(bob, { sessionId });
  expect(second.place.sessionBusy).toBe(true);
  expect(whyItWaits(second.place)).toBe("an earlier task of this conversation is at work");
  const order = await runAll(5);
  expect(order.indexOf(first.taskId)).toBeLessThan(order.indexOf(second.taskId));
});

test("the estimate is the repository's own, and its account's where that has too few", async () => {
  const finished = async (where: Seeded, minutes: number) => {
    const sessionId = await seedSession(home.database, where);
    const finishedAt = new Date();
    const startedAt = new Date(finishedAt.getTime() - minutes * 60_000);
    await seedTask(home.database, { ...where, sessionId }, { status: "completed", startedAt, finishedAt });
  };
  expect((await ask(alice)).place.estimate).toBeNull();
  const sibling = { ...at, ...(await secondRepository()) };
  for (const minutes of [20, 20, 40]) await finished(sibling, minutes);
  expect((await ask(bob)).place.estimate).toEqual({ typicalMs: 1_200_000, longMs: 2_160_000 });
  for (const minutes of [4, 6, 11]) await finished(at, minutes);
  expect((await ask(carol)).place.estimate).toEqual({ typicalMs: 360_000, longMs: 600_000 });
});

/** Another repository of the same account. */
async function secondRepository(): Promise<Pick<Seeded, "repositoryId">> {
  const [row] = await home.database.system.execute<{ id: number }>(
    sql`insert into repository (id, account_id, installation_id, owner, name, private)
        values (${at.repositoryId + 100_000}, ${at.accountId}, ${at.installationId}, 'acme', 'things', true) returning id`,
  );
  return { repositoryId: Number(row?.id) };
}

test("a place is counted among those that wait, and says what they wait for", () => {
  const place: Place = {
    ...{ ahead: 5, running: 3, open: 10, slots: 3, sessionBusy: false, limit: null },
    ...{ estimate: null, typicalMs: null },
  };
  expect(placeInLine(place)).toEqual({ place: 3, of: 7 });
  expect(whyItWaits(place)).toBe("the account's 3 slots are busy");
  expect(whyItWaits({ ...place, slots: 1, running: 1 })).toBe("the account's one slot is busy");
  expect(whyItWaits({ ...place, slots: 9 })).toBe("the server is busy");
  expect(whyItWaits({ ...place, ahead: 0, running: 0 })).toBeNull();
});

const claim = ({ taskId }: Asked) =>
  withAccount(home.database.db, at.accountId, (tx) =>
    claimTask(tx, { taskId, accountId: at.accountId }, { defaultMonthMicroUsd: 50_000_000 }),
  );

test("a limit of the repository, or of a person in it, holds a task back though the account has room; others pass it", async () => {
  await home.database.system.update(account).set({ maxParallelTasks: 9 });
  const limits = { perRepository: 2, perUser: 1 };
  const sibling = { ...at, ...(await secondRepository()) };
  const first = await ask(alice, { limits });
  const held = await ask(alice, { limits });
  const other = await ask(bob, { limits });
  const third = await ask(carol, { limits });
  const elsewhere = await ask(alice, { limits, at: sibling });
  expect(held.place).toMatchObject({ ahead: 1, slots: 1, limit: { slots: 1, login: "alice" } });
  expect(whyItWaits(held.place)).toBe("alice's one slot in this repository is busy");
  expect(placeInLine(held.place)).toEqual({ place: 2, of: 2 });
  expect(third.place).toMatchObject({ slots: 2, limit: { slots: 2, login: null } });
  expect(whyItWaits(third.place)).toBe("this repository's 2 slots are busy");
  // Whoever is held back takes nobody's slot.
  expect(other.place).toMatchObject({ ahead: 1, slots: 9, limit: null });
  expect(elsewhere.place).toMatchObject({ ahead: 2, slots: 9, limit: null });

  for (const free of [first, other, elsewhere]) expect(await claim(free)).toMatchObject({ ok: true });
  expect(await claim(held)).toMatchObject({ reason: "limit-full", place: { limit: { login: "alice" } } });
  expect(await claim(third)).toMatchObject({ reason: "limit-full", place: { limit: { login: null } } });
  const end = (asked: Asked) =>
    home.database.system
      .update(task)
      .set({ status: "completed", finishedAt: sql`now()` })
      .where(eq(task.id, asked.taskId));
  await end(other);
  expect(await claim(third)).toMatchObject({ ok: true });
  expect(await claim(held)).toMatchObject({ reason: "limit-full" });
  await end(first);
  // Hers is free, and the repository's are bob's no more.
  expect(await claim(held)).toMatchObject({ ok: true });
});

test("many claims of one moment never go over a repository's limit", async () => {
  await home.database.system.update(account).set({ maxParallelTasks: 20 });
  const asked: Asked[] = [];
  for (let nth = 0; nth < 8; nth += 1)
    asked.push(await ask(nth % 2 === 0 ? alice : bob, { limits: { perRepository: 3, perUser: 2 } }));
  const claims = await Promise.all(asked.map(claim));
  expect(claims.filter(({ ok }) => ok)).toHaveLength(3);
});

test("a task that a limit holds back gives its place at work away and comes again by itself", async () => {
  await home.database.system.update(account).set({ maxParallelTasks: 1 });
  const limits = { perRepository: 1, perUser: null };
  const held = await ask(alice, { limits });
  const sibling = { ...at, ...(await secondRepository()) };
  const free = await ask(bob, { at: sibling });
  const seen: string[] = [];
  let tries = 0;
  const worker = await startWorker(
    home.url,
    {
      "run-task": ({ taskId }) => {
        tries += taskId === held.taskId ? 1 : 0;
        if (taskId === held.taskId && tries < 3) throw new PutBack("not yet", 1);
        seen.push(taskId);
        return Promise.resolve();
      },
    },
    { concurrency: 1 },
  );
  try {
    await untilTrue(() => seen.length === 2, 30_000);
  } finally {
    await worker.stop();
  }
  expect(seen).toEqual([free.taskId, held.taskId]);
});
