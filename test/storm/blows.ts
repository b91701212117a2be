import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { withOwner } from "../../db/owner-connection.ts";
import { end, type Bot } from "../../bench/bot/open-bot.ts";

/** The bot as a blow finds it: every victim stands at its point. */
export type Scene = {
  bot: Bot;
  server: ChildProcess;
  worker: ChildProcess;
  /** Lets the victims go on. */
  release: () => void;
  env: Record<string, string>;
};

/** What is left running after a blow; `sleeper`: a worker that is stopped, and has been replaced. */
export type Aftermath = { running: readonly ChildProcess[]; sleeper: ChildProcess | null };

/** What befalls the bot, and what an operator, or the system that runs it, does next. */
export const blows = {
  /** Both processes are killed and started anew. */
  SIGKILL: async ({ bot, server, worker, env }) => {
    await Promise.all([end(worker), end(server)]);
    return { running: [await bot.startServer(env), await bot.startWorker(env)], sleeper: null };
  },
  /** The worker stands still, as in a long pause of its machine, and another one takes over. */
  SIGSTOP: async ({ bot, server, worker, env }) => {
    worker.kill("SIGSTOP");
    return { running: [server, await bot.startWorker(env)], sleeper: worker };
  },
  /** A new version is put in: both are asked to end. */
  SIGTERM: async ({ bot, server, worker, release, env }) => {
    const ends = [worker, server].map((each) => once(each, "exit"));
    for (const each of [worker, server]) each.kill("SIGTERM");
    release();
    for (const [code] of await Promise.all(ends))
      if (code !== 0) throw new Error(`expected exit code 0 after SIGTERM, got ${String(code)}`);
    return { running: [await bot.startServer(env), await bot.startWorker(env)], sleeper: null };
  },
  /** PostgreSQL ends every connection, as in its restart. */
  database: async ({ bot, server, worker, release }) => {
    // Not as the bot's own roles: they may not end what its owner runs.
    await withOwner(bot.database.url, (db) =>
      db.execute(
        sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
      ),
    );
    release();
    return { running: [server, worker], sleeper: null };
  },
  /** PostgreSQL dies in the middle of what it does, and comes back after its recovery, on the same port. */
  postgres: async ({ bot, server, worker, release }) => {
    const [postmaster] = await processesOf(bot);
    process.kill(postmaster, "SIGQUIT");
    release();
    return { running: [server, worker], sleeper: null };
  },
  /** PostgreSQL falls silent for longer than anybody waits for a query, and no connection is closed. */
  silence: async ({ bot, server, worker, release }) => {
    const all = await processesOf(bot);
    for (const pid of all) signal(pid, "SIGSTOP");
    release();
    await delay(silenceMs);
    for (const pid of all) signal(pid, "SIGCONT");
    return { running: [server, worker], sleeper: null };
  },
} satisfies Record<string, (scene: Scene) => Promise<Aftermath>>;

/** A query is given up after 30 s. */
const silenceMs = 40_000;

/** PostgreSQL's processes, the first of them first. */
async function processesOf({ database }: Bot): Promise<[number, ...number[]]> {
  return withOwner(database.url, async (db) => {
    const [found] = await db.execute<{ directory: string; pids: number[] }>(
      sql`select current_setting('data_directory') as directory, array_agg(pid) as pids from pg_stat_activity where pid <> pg_backend_pid()`,
    );
    if (found === undefined) throw new Error("expected PostgreSQL to name its processes");
    const [postmaster] = (await readFile(join(found.directory, "postmaster.pid"), "utf8")).split("\n");
    return [Number(postmaster), ...found.pids];
  });
}

/** One that has ended meanwhile is none of PostgreSQL's any more. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

export type Blow = keyof typeof blows;
