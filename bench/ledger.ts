import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { openDatabase, withAccount, type Tx } from "../db/client.ts";
import { migrateUp } from "../db/migrate.ts";
import { billingAccount, modelCall, task } from "../db/schema.ts";
import { billingTermsOf } from "../src/billing/billing-terms.ts";
import { installQueue } from "../src/queue/queue.ts";
import { startEmbeddedPostgres } from "../src/embedded-postgres.ts";
import { closeLeg } from "../src/tasks/close-leg.ts";
import { rateCards } from "../src/usage/rate-cards.ts";
import { readClock, recordInterval } from "../src/usage/sandbox-use-store.ts";
import { recordUsage } from "../src/usage/usage-store.ts";
import { seedRepository, seedSession, seedTask } from "../test/cli/seed.ts";
import { median } from "./bot/median.ts";

/**
 * What the ledger's writes add to the end of a task of eight model calls: its last metered interval of the machine, and in the
 * transaction that ends it the usage and the charge with its caps; the same tasks with and without them, in turns,
 * medians. Bar: less than 2 ms a task. Prints one JSON object.
 */
const rounds = 300;
const callsPerTask = 8;
const barMs = 2;
/** As where Stripe collects: the charge has a row of the outbox beside it. */
const terms = { ...billingTermsOf({ billing: null }), billing: "on" } as const;

const folder = await mkdtemp(join(tmpdir(), "bench-ledger-"));
const postgres = await startEmbeddedPostgres({ dataDir: folder });
await migrateUp(postgres.url, { afterUp: installQueue });
const database = openDatabase({ url: postgres.url });
const { db, system } = database;
const [card] = rateCards;
try {
  const at = await seedRepository(database, { owner: "acme", name: "widgets" });
  const { accountId } = at;
  await system.insert(billingAccount).values({
    ...{ accountId, stripeCustomerId: "cus_bench", subscriptionId: "sub_bench" },
    ...{ subscriptionStatus: "active", readAt: new Date() },
  });
  const makeTask = async (): Promise<{ taskId: string; sessionId: string }> => {
    const sessionId = await seedSession(database, at);
    const values = { status: "running", fence: 1, startedAt: new Date() } as const;
    const taskId = await seedTask(database, { ...at, sessionId }, values);
    const call = { accountId, taskId, fence: 1, model: "claude-sonnet-4-5", status: "settled" } as const;
    await system.insert(modelCall).values(
      Array.from({ length: callsPerTask }, () => ({
        ...call,
        ...{ id: uuidv7(), reservedMicroUsd: 20_000, costMicroUsd: 9_000 },
      })),
    );
    return { taskId, sessionId };
  };
  const end = async (taskId: string, work: (tx: Tx) => Promise<void>): Promise<number> => {
    const since = performance.now();
    await withAccount(db, accountId, async (tx) => {
      await work(tx);
      await tx.update(task).set({ status: "completed", finishedAt: new Date() }).where(eq(task.id, taskId));
    });
    return performance.now() - since;
  };
  const written = (sessionId: string, taskId: string) => async (tx: Tx) => {
    const ended = { id: taskId, ...at, sessionId, requesterId: 1, leg: 1 };
    await recordUsage(tx, { taskId, accountId, sessionId, attempt: 1, fault: "none" });
    await closeLeg(tx, {
      ...{ task: ended, end: { kind: "no-changes" }, lost: false, terms, now: new Date() },
      defaultMonthMicroUsd: 50_000_000_000,
    });
  };
  const [plain, ledgered, intervals]: [number[], number[], number[]] = [[], [], []];
  for (let round = -20; round < rounds; round += 1) {
    const [one, two] = [await makeTask(), await makeTask()];
    const without = await end(one.taskId, () => Promise.resolve());
    const use = { accountId, ...two, attempt: 1, provider: "e2b", sandboxId: "m" };
    const since = await readClock(db);
    const began = performance.now();
    await recordInterval(db, { use, since, card });
    const intervalMs = performance.now() - began;
    const withLedger = await end(two.taskId, written(two.sessionId, two.taskId));
    if (round < 0) continue;
    plain.push(without);
    intervals.push(intervalMs);
    ledgered.push(withLedger);
  }
  const endMs = median(ledgered) - median(plain);
  const figures = {
    "ledger.task_ms": round2(endMs + median(intervals)),
    raw: {
      ...{ rounds, callsPerTask, barMs, withinBar: endMs + median(intervals) < barMs },
      ...{ endMs: round2(endMs), intervalMs: round2(median(intervals)) },
      ...{ plainMs: round2(median(plain)), withLedgerMs: round2(median(ledgered)) },
    },
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await database.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
