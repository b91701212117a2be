import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { migrateUp } from "../db/migrate.ts";
import { readConfig } from "./config.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { createLogger, type Logger } from "./log.ts";
import { isMain, runProcess } from "./process.ts";
import { installQueue } from "./queue/queue.ts";

export type Supervisor = { stop(): Promise<void> };

/** Misconfigured: starting again would change nothing. */
const exitMisconfigured = 78;
/** The server asks for a new start because /setup has written new settings. */
export const exitRestart = 75;

/**
 * `npm start`: owns the embedded PostgreSQL and the DATA_DIR, brings the schema up to date, and keeps one server
 * and one worker running as children of the same process group. A child that dies is started again.
 */
export async function startSupervisor(environment: NodeJS.ProcessEnv): Promise<Supervisor> {
  const config = readConfig(environment);
  const log = createLogger(config, "start");
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const postgres =
    config.databaseUrl === null
      ? await startEmbeddedPostgres({ dataDir: config.dataDir, log })
      : { url: config.databaseUrl, stop: () => Promise.resolve() };
  await migrateUp(postgres.url, { afterUp: installQueue });
  const env = { ...environment, DATABASE_URL: postgres.url };
  const children = ["server", ...(config.app === null ? [] : ["worker"])].map((name) =>
    keepRunning({ name, env, log }),
  );
  return {
    async stop() {
      await Promise.all(children.map((child) => child.stop()));
      await postgres.stop();
    },
  };
}

function keepRunning({ name, env, log }: { name: string; env: NodeJS.ProcessEnv; log: Logger }): Supervisor {
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  let child: ChildProcess;
  let stopping = false;
  let crashes = 0;
  const run = () => {
    const startedAt = Date.now();
    child = spawn(process.execPath, [...process.execArgv, script], { env, stdio: "inherit" });
    child.on("exit", (code, signal) => {
      if (stopping) return;
      if (code === exitMisconfigured) process.exit(exitMisconfigured);
      if (code === exitRestart) process.exit(exitRestart);
      crashes = Date.now() - startedAt > 60_000 ? 1 : crashes + 1;
      const delayMs = Math.min(500 * 2 ** (crashes - 1), 30_000);
      log.error({ process: name, code, signal, delayMs }, "a process ended by itself and is started again");
      setTimeout(run, delayMs);
    });
  };
  run();
  return {
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.on("exit", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}

if (isMain(import.meta.url)) {
  if (existsSync(".env")) process.loadEnvFile(".env");
  await runProcess("remote-claude", () => startSupervisor(process.env));
}
