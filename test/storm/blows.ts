import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { withOwner } from "../../db/owner-connection.ts";
import { end, type Bot } from "../../bench/bot/open-bot.ts";
import { openClock } from "./clock.ts";
import { openDisk } from "./disk.ts";
import { processesOf, signal } from "./postgres-processes.ts";

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
export type Strike = (scene: Scene) => Promise<Aftermath>;

export type BlowKind = {
  /** For the report. */
  what: string;
  /** Its points are those of the worker alone. */
  workerOnly?: true;
  /** Made before the processes start: what they run with, and the strike that needs it. */
  open: () => Promise<{ env: Record<string, string>; strike: Strike; close: () => Promise<void> }>;
};

const nothingAround = (strike: Strike) => () =>
  Promise.resolve({ env: {}, strike, close: () => Promise.resolve() });
const goesOn = ({ server, worker }: Scene): Aftermath => ({ running: [server, worker], sleeper: null });

export const blows = {
  SIGKILL: {
    what: "`SIGKILL` of server and worker, which are started anew",
    open: nothingAround(async ({ bot, server, worker, env }) => {
      await Promise.all([end(worker), end(server)]);
      return { running: [await bot.startServer(env), await bot.startWorker(env)], sleeper: null };
    }),
  },
  SIGSTOP: {
    what: "`SIGSTOP` of the worker, which is woken when another has ended its tasks",
    // A server that stands still answers nobody; nothing of a task is in it.
    workerOnly: true,
    open: nothingAround(async ({ bot, server, worker, env }) => {
      worker.kill("SIGSTOP");
      return { running: [server, await bot.startWorker(env)], sleeper: worker };
    }),
  },
  SIGTERM: {
    what: "`SIGTERM` of both, as in a deployment",
    open: nothingAround(async ({ bot, server, worker, release, env }) => {
      const ends = [worker, server].map((each) => once(each, "exit"));
      for (const each of [worker, server]) each.kill("SIGTERM");
      release();
      for (const [code] of await Promise.all(ends))
        if (code !== 0) throw new Error(`expected exit code 0 after SIGTERM, got ${String(code)}`);
      return { running: [await bot.startServer(env), await bot.startWorker(env)], sleeper: null };
    }),
  },
  database: {
    what: "`database`: PostgreSQL ends every connection",
    open: nothingAround(async (scene) => {
      // Not as the bot's own roles: they may not end what its owner runs.
      await withOwner(scene.bot.database.url, (db) =>
        db.execute(
          sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
        ),
      );
      scene.release();
      return goesOn(scene);
    }),
  },
  postgres: {
    what: "`postgres`: PostgreSQL dies, and comes back after its recovery, on the same port",
    open: nothingAround(async (scene) => {
      const [postmaster] = await processesOf(scene.bot);
      process.kill(postmaster, "SIGQUIT");
      scene.release();
      return goesOn(scene);
    }),
  },
  silence: {
    what: "`silence`: PostgreSQL says nothing for 60 s, and no connection is closed",
    open: nothingAround(async (scene) => {
      const all = await processesOf(scene.bot);
      for (const pid of all) signal(pid, "SIGSTOP");
      scene.release();
      await delay(silenceMs);
      for (const pid of all) signal(pid, "SIGCONT");
      return goesOn(scene);
    }),
  },
  "clock-ahead": {
    what: "`clock-ahead`: the clock of server and worker jumps 61 minutes ahead",
    open: () => openClockBlow("+61m"),
  },
  "clock-behind": {
    what: "`clock-behind`: it jumps back by 10 minutes",
    open: () => openClockBlow("-10m"),
  },
  disk: {
    what: "`disk`: the worker's disk is full for 20 s",
    open: async () => {
      const disk = await openDisk();
      return {
        env: { DATA_DIR: disk.folder },
        strike: async (scene: Scene) => {
          const empty = await disk.fill();
          scene.release();
          await delay(fullMs);
          await empty();
          return goesOn(scene);
        },
        close: () => disk.close(),
      };
    },
  },
} satisfies Record<string, BlowKind>;

export type Blow = keyof typeof blows;

/** A query is given up after 30 s. */
const silenceMs = 60_000;
const fullMs = 20_000;

async function openClockBlow(jump: string): ReturnType<BlowKind["open"]> {
  const clock = await openClock();
  return {
    env: clock.env,
    strike: async (scene: Scene) => {
      await clock.jump(jump);
      scene.release();
      return goesOn(scene);
    },
    close: () => clock.close(),
  };
}
