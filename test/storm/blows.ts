import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
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
} satisfies Record<string, (scene: Scene) => Promise<Aftermath>>;

export type Blow = keyof typeof blows;
