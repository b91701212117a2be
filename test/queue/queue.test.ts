import { sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TransientError } from "../../src/errors.ts";
import { JobInterrupted } from "../../src/queue/job-interrupted.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import type { JobFailure } from "../../src/queue/run-job.ts";
import type { DeadJob } from "../../src/queue/slots.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { untilTrue } from "../support/until-true.ts";
import { silent, startWorker } from "./start-worker.ts";

let home: TestDatabase;
let sender: Queue;
const workers: Queue[] = [];

beforeAll(async () => {
  home = await createTestDatabase();
  sender = await openQueue({ url: home.url, log: silent, mode: "send" });
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ timeoutMs: 1_000 })));
  await owner(sql`delete from pgboss.job`);
});

afterAll(async () => {
  await sender.stop();
  await home.close();
});

const owner = (query: ReturnType<typeof sql>) => home.database.system.execute(query);

async function work(...args: Parameters<typeof startWorker> extends [string, ...infer Rest] ? Rest : never) {
  const worker = await startWorker(home.url, ...args);
  workers.push(worker);
  return worker;
}

const task = () => ({ taskId: uuidv7(), accountId: uuidv7() });

async function jobRows(name: string) {
  return home.database.system.execute<{ id: string; state: string; wait_ms: number; retry_count: number }>(
    sql`select id, state, retry_count, extract(epoch from start_after - now())::float8 * 1000 as wait_ms
        from pgboss.job where name = ${name} order by id`,
  );
}

describe("enqueue", () => {
  test("a job exists when, and only when, the transaction commits", async () => {
    const ran: string[] = [];
    await work({
      intake: ({ deliveryId }) => {
        ran.push(deliveryId);
        return Promise.resolve();
      },
    });
    await expect(
      home.database.db.transaction(async (tx) => {
        await sender.enqueue(tx, "intake", { deliveryId: "rolled back" });
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(await jobRows("intake")).toHaveLength(0);
    await home.database.db.transaction((tx) => sender.enqueue(tx, "intake", { deliveryId: "committed" }));
    await untilTrue(() => ran.length > 0);
    expect(ran).toEqual(["committed"]);
  });

  test("refuses a payload that breaks the contract, and a fifo job without a key", async () => {
    const { db } = home.database;
    await expect(async () => sender.enqueue(db, "intake", { deliveryId: "" })).rejects.toThrow();
    await expect(async () => sender.enqueue(db, "run-task", task())).rejects.toThrow("needs a key");
  });

  test("keeps a delayed job back", async () => {
    await sender.enqueue(home.database.db, "intake", { deliveryId: "later" }, { startAfterMs: 60_500 });
    const [row] = await jobRows("intake");
    expect(row?.wait_ms).toBeGreaterThan(59_000);
    expect(row?.wait_ms).toBeLessThanOrEqual(60_500);
  });

  test("a single job waits once, however often it is asked for", async () => {
    const gate = Promise.withResolvers<undefined>();
    let runs = 0;
    await work({
      reap: async () => {
        runs += 1;
        await gate.promise;
      },
    });
    await sender.enqueue(home.database.db, "reap", {});
    await untilTrue(() => runs === 1);
    for (let times = 0; times < 5; times += 1) await sender.enqueue(home.database.db, "reap", {});
    expect((await jobRows("reap")).map(({ state }) => state).toSorted()).toEqual(["active", "created"]);
    gate.resolve(undefined);
    await untilTrue(() => runs === 2);
  });
});

describe("order", () => {
  test("jobs of one key run one at a time, in the order of one transaction", async () => {
    const jobs = Array.from({ length: 30 }, task);
    await home.database.db.transaction(async (tx) => {
      for (const job of jobs) await sender.enqueue(tx, "run-task", job, { key: "one session" });
    });
    const ran: string[] = [];
    let running = 0;
    let most = 0;
    await work({
      "run-task": async ({ taskId }) => {
        running += 1;
        most = Math.max(most, running);
        await owner(sql`select 1`);
        ran.push(taskId);
        running -= 1;
      },
    });
    await untilTrue(() => ran.length === jobs.length);
    expect(ran).toEqual(jobs.map(({ taskId }) => taskId));
    expect(most).toBe(1);
  });

  test("a job that is tried again is not overtaken by the next of its key", async () => {
    const [first, second] = [task(), task()];
    const ran: string[] = [];
    const failures: JobFailure[] = [];
    await work(
      {
        "run-task": ({ taskId }, { attempt }) => {
          ran.push(`${taskId}:${attempt}`);
          return taskId === first.taskId && attempt === 1
            ? Promise.reject(new Error("once"))
            : Promise.resolve();
        },
      },
      { onFailure: (failure) => failures.push(failure) },
    );
    await sender.enqueue(home.database.db, "run-task", first, { key: "k" });
    await sender.enqueue(home.database.db, "run-task", second, { key: "k" });
    await untilTrue(() => ran.length === 3);
    expect(ran).toEqual([`${first.taskId}:1`, `${first.taskId}:2`, `${second.taskId}:1`]);
    expect(failures).toMatchObject([
      { name: "run-task", attempt: 1, payload: first, error: { message: "once" } },
    ]);
  });

  test("a group at its limit waits, while others pass", async () => {
    const gates = new Map<string, () => void>();
    const started: string[] = [];
    await work({
      "run-task": ({ taskId }) => {
        started.push(taskId);
        return new Promise<void>((resolve) => gates.set(taskId, resolve));
      },
    });
    const [a, b, c, other] = [task(), task(), task(), task()];
    const group = { id: uuidv7(), limit: 2 };
    for (const job of [a, b]) {
      await sender.enqueue(home.database.db, "run-task", job, { key: job.taskId, group });
      await untilTrue(() => started.includes(job.taskId));
    }
    await sender.enqueue(home.database.db, "run-task", c, { key: c.taskId, group });
    await sender.enqueue(home.database.db, "run-task", other, {
      key: other.taskId,
      group: { id: uuidv7(), limit: 1 },
    });
    await untilTrue(() => started.includes(other.taskId));
    expect(started).not.toContain(c.taskId);
    gates.get(a.taskId)?.();
    await untilTrue(() => started.includes(c.taskId));
    for (const open of gates.values()) open();
    gates.get(c.taskId)?.();
  });
});

describe("failure", () => {
  test("a transient error waits as long as the other side said", async () => {
    let runs = 0;
    await work({
      intake: () => {
        runs += 1;
        return Promise.reject(new TransientError("slow down", { retryAfterMs: 90_000 }));
      },
    });
    await sender.enqueue(home.database.db, "intake", { deliveryId: "limited" });
    await untilTrue(async () => ((await jobRows("intake"))[0]?.wait_ms ?? 0) > 80_000);
    expect(runs).toBe(1);
    expect((await jobRows("intake"))[0]).toMatchObject({ state: "retry" });
  });

  test("a dead job is told of, and frees its key only when that has worked", async () => {
    const [dying, next] = [task(), task()];
    const dead: DeadJob[] = [];
    const ran: string[] = [];
    let refusals = 1;
    await sender.enqueue(home.database.db, "run-task", dying, { key: "k" });
    await owner(sql`update pgboss.job set retry_limit = 0 where name = 'run-task'`);
    await sender.enqueue(home.database.db, "run-task", next, { key: "k" });
    await work(
      {
        "run-task": ({ taskId }) => {
          ran.push(taskId);
          return taskId === dying.taskId ? Promise.reject(new Error("for good")) : Promise.resolve();
        },
      },
      {
        onDead: (job) => {
          dead.push(job);
          expect(ran).toEqual([dying.taskId]);
          return refusals-- > 0 ? Promise.reject(new Error("not now")) : Promise.resolve();
        },
      },
    );
    await untilTrue(() => ran.includes(next.taskId), 15_000);
    expect(dead).toHaveLength(2);
    expect(dead[0]).toMatchObject({ name: "run-task", payload: dying });
    expect(dead[0]?.error).toContain("for good");
  });

  test("a handler learns that its claim is lost, and does not settle what is no longer its own", async () => {
    const interrupted = Promise.withResolvers<unknown>();
    await work({
      "run-task": async (_payload, { signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        interrupted.resolve(signal.reason);
        throw new Error("stopped");
      },
    });
    await sender.enqueue(home.database.db, "run-task", task(), { key: "k" });
    await untilTrue(async () => (await jobRows("run-task"))[0]?.state === "active");
    // As another worker's claim would: the attempt counts on.
    await owner(sql`update pgboss.job set retry_count = retry_count + 1 where name = 'run-task'`);
    expect(await interrupted.promise).toMatchObject({ name: "JobInterrupted", reason: "claim-lost" });
    await untilTrue(async () => (await jobRows("run-task"))[0]?.state === "active");
    expect((await jobRows("run-task"))[0]).toMatchObject({ state: "active", retry_count: 1 });
  });

  test("the signal stays silent after the handler has returned", async () => {
    let signal: AbortSignal | undefined;
    const worker = await work({
      intake: (_payload, context) => {
        signal = context.signal;
        return Promise.resolve();
      },
    });
    await sender.enqueue(home.database.db, "intake", { deliveryId: "quick" });
    await untilTrue(async () => (await jobRows("intake"))[0]?.state === "completed");
    await worker.stop();
    expect(signal?.aborted).toBe(false);
  });
});

describe("drain", () => {
  test("interrupts at once and hands the job to another worker", async () => {
    let reason: unknown;
    const first = await work({
      "run-task": async (_payload, { signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        reason = signal.reason;
        throw new Error("interrupted in the middle");
      },
    });
    await sender.enqueue(home.database.db, "run-task", task(), { key: "k" });
    await untilTrue(async () => (await jobRows("run-task"))[0]?.state === "active");
    const attempts: number[] = [];
    await work({
      "run-task": (_payload, { attempt }) => {
        attempts.push(attempt);
        return Promise.resolve();
      },
    });
    const since = performance.now();
    await first.stop();
    await untilTrue(() => attempts.length > 0);
    expect(performance.now() - since).toBeLessThan(3_000);
    expect(reason).toBeInstanceOf(JobInterrupted);
    expect(reason).toMatchObject({ reason: "drain" });
    expect(attempts).toEqual([2]);
  });

  test("lets a handler that finishes in time finish", async () => {
    const first = await work({
      "run-task": async (_payload, { signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await owner(sql`select pg_sleep(0.1)`);
      },
    });
    await sender.enqueue(home.database.db, "run-task", task(), { key: "k" });
    await untilTrue(async () => (await jobRows("run-task"))[0]?.state === "active");
    await first.stop();
    expect((await jobRows("run-task"))[0]).toMatchObject({ state: "completed", retry_count: 0 });
  });

  test("takes the job from a handler that does not end", async () => {
    const never = Promise.withResolvers<undefined>();
    const first = await work({ "run-task": () => never.promise });
    await sender.enqueue(home.database.db, "run-task", task(), { key: "k" });
    await untilTrue(async () => (await jobRows("run-task"))[0]?.state === "active");
    await first.stop({ timeoutMs: 100 });
    const [row] = await jobRows("run-task");
    expect(row?.state).toBe("retry");
    expect(row?.wait_ms).toBeLessThanOrEqual(0);
    never.resolve(undefined);
  });
});

test("stats count what waits and what runs", async () => {
  const never = Promise.withResolvers<undefined>();
  const worker = await work({ "run-task": () => never.promise });
  for (const key of ["a", "a", "b"]) await sender.enqueue(home.database.db, "run-task", task(), { key });
  await untilTrue(async () => (await worker.stats())["run-task"].active === 2, 15_000);
  const stats = (await sender.stats())["run-task"];
  expect(stats.ready + stats.waiting).toBe(1);
  never.resolve(undefined);
});

test("a queue for sending does not work", async () => {
  const handlers = {} as Parameters<Queue["work"]>[0];
  await expect(sender.work(handlers, { concurrency: 1 })).rejects.toThrow('mode "work"');
});
