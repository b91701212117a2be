import { spawn, type ChildProcess } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { migrateUp } from "../db/migrate.ts";
import { withoutPrivateKey } from "./app-settings.ts";
import { readConfig } from "./config.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { createLogger, type Logger } from "./log.ts";
import { isMain, runProcess } from "./process.ts";
import { installQueue } from "./queue/queue.ts";
import { exitRestart } from "./web/exit-restart.ts";
import { readSettings } from "./web/settings-file.ts";

export type Supervisor = { stop(): Promise<void> };

/** Misconfigured: starting again would change nothing. */
const exitMisconfigured = 78;

/**
 * `npm start`: owns the embedded PostgreSQL and the DATA_DIR, brings the schema up to date, and keeps one server
 * and one worker running as children of the same process group. A child that dies is started again. `onRestart` is
 * called when the server asks for all of it to be started anew; without it the process ends.
 */
export async function startSupervisor(
  environment: NodeJS.ProcessEnv,
  options: { onRestart?: () => void } = {},
): Promise<Supervisor> {
  const config = readConfig(environment);
  const log = createLogger(config, "start");
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const postgres =
    config.databaseUrl === null
      ? await startEmbeddedPostgres({ dataDir: config.dataDir, log })
      : { url: config.databaseUrl, stop: () => Promise.resolve() };
  await migrateUp(postgres.url, { afterUp: installQueue });
  const env = {
    ...environment,
    DATABASE_URL: postgres.url,
    // Without it each process strips the types anew, which costs time and some 40 MB.
    NODE_COMPILE_CACHE: join(config.dataDir, "compile-cache"),
  };
  const onRestart = options.onRestart ?? (() => process.exit(exitRestart));
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= stopAll());
  const stopAll = async () => {
    await Promise.all(children.map((child) => child.stop()));
    await postgres.stop();
  };
  // It has said what is wrong with its settings; the other one must not go on alone.
  const onMisconfigured = () => void stop().finally(() => process.exit(exitMisconfigured));
  const children = ["server", ...(config.app === null ? [] : ["worker"])].map((name) =>
    keepRunning({
      ...{ name, log, onRestart, onMisconfigured },
      env: name === "server" ? withoutPrivateKey(env) : env,
    }),
  );
  return { stop };
}

/** A supervisor that starts anew in this process, with the settings as they are then, whenever /setup has written some. */
export async function startRestartable(readEnvironment: () => NodeJS.ProcessEnv): Promise<Supervisor> {
  let stopping = false;
  const start = (): Promise<Supervisor> => startSupervisor(readEnvironment(), { onRestart });
  const onRestart = () => {
    // A start that fails now is nobody's to catch: it ends the process, with its reason, as a failed first start does.
    current = current.then(async (before) => {
      await before.stop();
      return stopping ? before : start();
    });
  };
  let current = start();
  await current;
  return {
    async stop() {
      stopping = true;
      await (await current).stop();
    },
  };
}

/** MB; the default of 16 lets a process that only starts up grow by 100 MB that it never needs again (npm run bench -- memory). */
const smallYoungGeneration = "--max-semi-space-size=4";

type ChildInput = {
  name: string;
  env: NodeJS.ProcessEnv;
  log: Logger;
  onRestart: () => void;
  onMisconfigured: () => void;
};

function keepRunning({ name, env, log, onRestart, onMisconfigured }: ChildInput): Supervisor {
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  let child: ChildProcess;
  let stopping = false;
  let crashes = 0;
  let again: NodeJS.Timeout | undefined;
  const run = () => {
    const startedAt = Date.now();
    child = spawn(process.execPath, [...process.execArgv, smallYoungGeneration, script], {
      env,
      // The channel tells a child that its supervisor is gone, however it went.
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    });
    child.on("exit", (code, signal) => {
      if (stopping) return;
      if (code === exitMisconfigured || code === exitRestart) {
        (code === exitRestart ? onRestart : onMisconfigured)();
        return;
      }
      crashes = Date.now() - startedAt > 60_000 ? 1 : crashes + 1;
      const delayMs = Math.min(500 * 2 ** (crashes - 1), 30_000);
      log.error({ process: name, code, signal, delayMs }, "a process ended by itself and is started again");
      again = setTimeout(run, delayMs);
    });
  };
  run();
  return {
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        clearTimeout(again);
        if (child.exitCode !== null || child.signalCode !== null) {
          resolve();
          return;
        }
        child.on("exit", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}

if (isMain(import.meta.url)) {
  const given = { ...process.env };
  await runProcess("remote-claude", () => startRestartable(() => readSettings(".env", given)));
}
