import { setTimeout as delay } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { fromDrizzle, PgBoss } from "pg-boss";
import type { Db, Tx } from "../../db/client.ts";
import type { Logger } from "../log.ts";
import { toJob, type EnqueueOptions } from "./job-row.ts";
import { jobNames, jobs, type JobHandlers, type JobName, type JobPayload } from "./jobs.ts";
import {
  connection,
  deadLetterOptions,
  deadLetterQueue,
  senderOptions,
  toQueueOptions,
  workerOptions,
  type QueueOptions,
} from "./queue-settings.ts";
import { readStats, type QueueStats } from "./queue-stats.ts";
import { startSlots, type SlotsDeps } from "./slots.ts";

export type { EnqueueOptions, QueueStats };

export type WorkOptions = { concurrency: number } & Pick<SlotsDeps, "onFailure" | "onDead">;

export type Queue = {
  /** Makes a job in the caller's transaction: it exists when, and only when, that commits. */
  enqueue<N extends JobName>(
    tx: Tx | Db,
    name: N,
    payload: JobPayload<N>,
    options?: EnqueueOptions,
  ): Promise<void>;
  /** The same for many jobs in one statement. */
  enqueueAll<N extends JobName>(tx: Tx | Db, name: N, payloads: readonly JobPayload<N>[]): Promise<void>;
  work(handlers: JobHandlers, options: WorkOptions): Promise<void>;
  /** Enqueues the job by the clock (cron, UTC), once in the whole cluster. */
  schedule(name: JobName, cron: string): Promise<void>;
  stats(): Promise<Record<JobName, QueueStats>>;
  /** Interrupts what runs, waits for it, and hands back what does not end in time. */
  stop(options?: { timeoutMs?: number }): Promise<void>;
};

/** Creates or upgrades the queue's schema, and every queue in it. `url` is the owner's; several may do it at once. */
export async function installQueue(url: string): Promise<void> {
  const boss = new PgBoss({ ...connection(url, 2), supervise: false, schedule: false });
  const errors: unknown[] = [];
  boss.on("error", (error) => errors.push(error));
  try {
    await boss.start();
    await createQueue(boss, deadLetterQueue, deadLetterOptions);
    for (const name of jobNames) await createQueue(boss, name, toQueueOptions(jobs[name]));
  } finally {
    await boss.stop({ graceful: false });
  }
  if (errors.length > 0) throw new AggregateError(errors, "the queue's schema could not be prepared");
}

async function createQueue(boss: PgBoss, name: string, options: QueueOptions): Promise<void> {
  await boss.createQueue(name, options);
  // Creating one that exists changes nothing, so a release's new settings are brought in here.
  const changeable: Partial<QueueOptions> = { ...options };
  delete changeable.policy;
  await boss.updateQueue(name, changeable);
}

const closeDeadlineMs = 5_000;

/**
 * Opens the queue that `installQueue` made. `mode` "send" is for processes that only enqueue: no supervision,
 * no listening, at most two connections.
 */
export async function openQueue(input: { url: string; log: Logger; mode?: "send" | "work" }): Promise<Queue> {
  const { url, log, mode = "work" } = input;
  const boss = new PgBoss(mode === "send" ? senderOptions(url) : workerOptions(url));
  boss.on(
    "error",
    throttled((error) => log.warn({ err: error }, "queue: an error; it goes on by itself")),
  );
  boss.on("warning", (warning) => log.warn({ warning }, "queue: a warning"));
  await boss.start();
  const known = new Set((await boss.getQueues()).map(({ name }) => name));
  const missing = [...jobNames, deadLetterQueue].filter((name) => !known.has(name));
  if (missing.length > 0) {
    await boss.stop({ graceful: false });
    throw new Error(
      `expected the queues of this release, but ${missing.join(", ")} are missing: run the migrations first`,
    );
  }
  const drain = new AbortController();
  let slots: ReturnType<typeof startSlots> | undefined;

  return {
    enqueue: (tx, name, payload, options = {}) => insert(boss, tx, name, [toJob(name, payload, options)]),
    enqueueAll: (tx, name, payloads) =>
      insert(
        boss,
        tx,
        name,
        payloads.map((payload) => toJob(name, payload, {})),
      ),
    async work(handlers, { concurrency, ...hooks }) {
      if (mode === "send") throw new Error('work() needs a queue opened with mode "work"');
      if (slots !== undefined) throw new Error("work() was called before");
      slots = startSlots({ library: boss, drain: drain.signal, log, handlers, ...hooks }, concurrency);
      await slots.started;
    },
    async schedule(name, cron) {
      await boss.schedule(name, cron, {}, { tz: "UTC" });
    },
    stats: () => readStats(boss),
    async stop({ timeoutMs = 30_000 } = {}) {
      drain.abort();
      if (slots !== undefined) {
        await Promise.all(jobNames.map((name) => boss.offWork(name, { wait: false })));
        await Promise.race([slots.idle(), delay(timeoutMs, undefined, { ref: false })]);
        await slots.handBackAll();
      }
      // A database that hangs must not keep the process: what is lost with it is found by the heartbeat.
      const closed = boss.stop({ graceful: true, timeout: 1_000 });
      await Promise.race([closed, delay(closeDeadlineMs, undefined, { ref: false })]);
    },
  };
}

async function insert(
  boss: PgBoss,
  tx: Tx | Db,
  name: JobName,
  rows: ReturnType<typeof toJob>[],
): Promise<void> {
  if (rows.length === 0) return;
  await boss.insert(name, rows, { db: fromDrizzle(tx, sql) });
}

/** An outage makes an error with every poll of every slot; one line in five seconds tells as much. */
function throttled(report: (error: Error) => void): (error: Error) => void {
  let quietUntil = 0;
  return (error) => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + 5_000;
    report(error);
  };
}
