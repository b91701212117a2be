import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { startE2b } from "../test/standins/e2b/start-e2b.ts";
import { findFreePort } from "../test/support/free-port.ts";
import { openBot, type Bot } from "./bot/open-bot.ts";

/**
 * One worker with 200 running sessions at an E2B stand-in, each of a scripted Claude Code that writes one event a second:
 * the worker's memory, and how long an event takes from the agent to its committed row. The rate is such that the
 * stand-in and the agents, which share the processors, are not what is measured. Prints one JSON object.
 */
const sessions = 200;
const owners = 20;
const eventsPerSecond = 1;
const startWithinMs = 150_000;
const settleMs = 5_000;
const measuredMs = 15_000;

const counted = z.array(z.object({ n: z.coerce.number() }));
const lags = z.tuple([
  z.object({
    events: z.coerce.number(),
    speaking: z.coerce.number(),
    p50: z.coerce.number(),
    p99: z.coerce.number(),
    max: z.coerce.number(),
  }),
]);

const port = await findFreePort();
const e2b = await startE2b({
  launcher: "plain",
  toolPaths: [fileURLToPath(new URL("sessions/tools", import.meta.url))],
  pauseHistory: false,
});
const bot = await openBot({
  port,
  env: {
    ...{ ANTHROPIC_API_KEY: "sk-ant-standin", SANDBOX_PROVIDER: "e2b" },
    ...{ E2B_API_KEY: e2b.apiKey, E2B_TEMPLATE: e2b.template },
    ...{ E2B_API_URL: e2b.apiUrl, E2B_SANDBOX_URL: e2b.sandboxUrl },
    // The client of e2b opens this many connections for commands, and each running one holds one.
    E2B_ENVD_RPC_CONNECTIONS: "1000",
    ...{ WORKER_CONCURRENCY: String(sessions), ACCOUNT_MAX_PARALLEL_TASKS: String(sessions / owners) },
  },
  // The moment at which a row could be seen is that of its commit.
  settings: { track_commit_timestamp: "on" },
});
try {
  const worker = await bot.startWorker({});
  const idleMb = await memoryMb(worker.pid, "VmRSS");
  const since = performance.now();
  await ask(bot);
  await untilAllRun(bot, since);
  const startedInMs = performance.now() - since;
  await delay(settleMs);
  const from = Date.now();
  await delay(measuredMs);
  const [rssMb, peakMb] = [await memoryMb(worker.pid, "VmRSS"), await memoryMb(worker.pid, "VmHWM")];
  const lag = await readLag(bot, from);
  const figures = {
    "worker.rss_at_200_sessions_mb": rssMb,
    "worker.peak_rss_at_200_sessions_mb": peakMb,
    "events.lag_p99_ms": lag.p99,
    raw: {
      ...{ sessions, eventsPerSecond, idleMb, startedInMs: Math.round(startedInMs) },
      ...{ lagP50Ms: lag.p50, lagMaxMs: lag.max, events: lag.events, speaking: lag.speaking },
      eventsExpected: (sessions * eventsPerSecond * measuredMs) / 1_000,
    },
  };
  if (lag.speaking !== sessions)
    throw new Error(`expected events of ${sessions} sessions, got them of ${lag.speaking}`);
  if (e2b.violations.length > 0) throw new Error(`E2B would have refused: ${e2b.violations.join("; ")}`);
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await bot.close();
  await e2b.close();
}

/** GitHub's pace is one for each installation, so the sessions are those of several. */
async function ask({ github, app }: Bot): Promise<void> {
  const alice = github.as("alice");
  for (let n = 0; n < owners; n += 1) {
    const owner = `owner-${n}`;
    github.createOrganization(owner);
    const { fullName } = await github.createRepository({ owner, name: "small" });
    github.install({ app, owner, repositories: "all" });
    github.setRole(fullName, "alice", "write");
    for (let issues = 0; issues < sessions / owners; issues += 1) {
      const issue = await alice.createIssue(fullName, { title: `Talk ${issues}` });
      await alice.comment(fullName, issue.number, "/claude talk");
    }
  }
}

async function untilAllRun({ database }: Bot, since: number): Promise<void> {
  while (true) {
    const [row] = counted.parse(
      await database.system.execute(sql`select count(distinct task_id) as n from event where kind = 'text'`),
    );
    if (row?.n === sessions) return;
    if (performance.now() - since > startWithinMs)
      throw new Error(`expected ${sessions} running sessions within ${startWithinMs} ms, got ${row?.n ?? 0}`);
    await delay(500);
  }
}

/** From the moment that an event names itself to the commit of its row, of the events since `from`. */
async function readLag({ database }: Bot, from: number) {
  const rows = await database.system.execute(sql`
    with spoken as (
      select task_id, split_part(data->>'text', ' ', 1)::bigint as at,
        extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000 as stored
      from event where kind = 'text'
    )
    select count(*) as events, count(distinct task_id) as speaking,
      round(percentile_disc(0.5) within group (order by stored - at)) as p50,
      round(percentile_disc(0.99) within group (order by stored - at)) as p99,
      round(max(stored - at)) as max
    from spoken where at >= ${from}`);
  return lags.parse(rows)[0];
}

async function memoryMb(pid: number | undefined, field: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, "utf8");
  return Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1024);
}
