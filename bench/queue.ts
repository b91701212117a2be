import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { z } from "zod";
import { openDatabase, type Database } from "../db/client.ts";
import { migrateUp } from "../db/migrate.ts";
import { startEmbeddedPostgres } from "../src/embedded-postgres.ts";
import { installQueue, openQueue, type Queue } from "../src/queue/queue.ts";

/**
 * The queue between two processes on a PostgreSQL with its ordinary, durable settings: from the commit of a job to
 * the start of its handler, one at a time, and how fast one worker works off a backlog. Prints one JSON object.
 */
const rounds = 3;
const paced = 200;
const backlog = 1_500;
const sessions = 50;
const perSession = 6;

const started = z.object({ job: z.enum(["intake", "run-task"]), id: z.string(), at: z.number() });

const folder = await mkdtemp(join(tmpdir(), "bench-queue-"));
const postgres = await startEmbeddedPostgres({ dataDir: folder });
try {
  await migrateUp(postgres.url, { afterUp: installQueue });
  const database = openDatabase({ url: postgres.url });
  const queue = await openQueue({ url: postgres.url, log: pino({ level: "silent" }), mode: "send" });
  process.stdout.write(`${JSON.stringify(await measure(database, queue), null, 2)}\n`);
  await queue.stop();
  await database.close();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measure(database: Database, queue: Queue) {
  const latencies: number[] = [];
  const roundTrips: number[] = [];
  const ordinary: number[] = [];
  const fifo: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    latencies.push(...(await measureLatency(database, queue)));
    roundTrips.push(...(await measureRoundTrip(database)));
    ordinary.push(await drain(database, () => fillIntake(database, queue), backlog));
    fifo.push(await drain(database, () => fillTasks(database, queue), sessions * perSession));
  }
  return {
    "queue.start_latency_ms": round2(quantile(latencies, 0.5)),
    "queue.jobs_per_s": Math.round(quantile(ordinary, 0.5)),
    raw: {
      startLatencyP99Ms: round2(quantile(latencies, 0.99)),
      databaseRoundTripMs: round2(quantile(roundTrips, 0.5)),
      fifoJobsPerS: Math.round(quantile(fifo, 0.5)),
      rounds,
      backlog,
      slots: 4,
    },
  };
}

/** Each job's id is the moment before its insert, so that commit and notification are in the figure. */
async function measureLatency(database: Database, queue: Queue): Promise<number[]> {
  const worker = await startWorker();
  const latencies: number[] = [];
  worker.on("message", (message) => {
    const known = started.safeParse(message);
    if (known.success) latencies.push(known.data.at - Number(known.data.id));
  });
  await tellToWork(worker);
  for (let sent = 0; sent < paced; sent += 1) {
    const before = performance.timeOrigin + performance.now();
    await queue.enqueue(database.db, "intake", { deliveryId: String(before) });
    await delay(20);
  }
  await until(() => latencies.length === paced);
  await stopWorker(worker);
  return latencies;
}

async function measureRoundTrip(database: Database): Promise<number[]> {
  const times: number[] = [];
  for (let asked = 0; asked < paced; asked += 1) {
    const since = performance.now();
    await database.db.execute(sql`select 1`);
    times.push(performance.now() - since);
  }
  return times;
}

/** Jobs a second from the first start to the last. */
async function drain(database: Database, fill: () => Promise<void>, count: number): Promise<number> {
  await fill();
  const worker = await startWorker();
  const times: number[] = [];
  worker.on("message", (message) => {
    const known = started.safeParse(message);
    if (known.success) times.push(known.data.at);
  });
  await tellToWork(worker);
  await until(() => times.length === count);
  await stopWorker(worker);
  await database.system.execute(sql`delete from pgboss.job`);
  return ((count - 1) / (Math.max(...times) - Math.min(...times))) * 1_000;
}

async function fillIntake(database: Database, queue: Queue): Promise<void> {
  const payloads = Array.from({ length: backlog }, (_, index) => ({ deliveryId: String(index) }));
  await queue.enqueueAll(database.db, "intake", payloads);
}

async function fillTasks(database: Database, queue: Queue): Promise<void> {
  const accountId = uuidv7();
  for (let session = 0; session < sessions; session += 1) {
    const key = uuidv7();
    for (let turn = 0; turn < perSession; turn += 1) {
      const options = { key, group: { id: accountId, limit: 64 } };
      await queue.enqueue(database.db, "run-task", { taskId: uuidv7(), accountId }, options);
    }
  }
}

async function startWorker(): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("./queue/worker.ts", import.meta.url));
  const worker = fork(script, { env: { PATH: process.env.PATH, DATABASE_URL: postgres.url } });
  await heard(worker, "ready");
  return worker;
}

async function tellToWork(worker: ChildProcess): Promise<void> {
  worker.send("work");
  await heard(worker, "working");
}

async function stopWorker(worker: ChildProcess): Promise<void> {
  worker.send("stop");
  await once(worker, "exit");
}

async function heard(worker: ChildProcess, word: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    worker.on("message", (message) => {
      if (message === word) resolve();
    });
    worker.once("exit", (code) => reject(new Error(`the worker ended with ${code} before it said ${word}`)));
  });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!condition()) {
    if (performance.now() > deadline)
      throw new Error("the worker did not work off its jobs within two minutes");
    await delay(5);
  }
}

function quantile(values: number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? Number.NaN;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
