import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { UserError } from "../errors.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { readPostmasterPid, waitUntil } from "./postmaster-pid.ts";
import { postgresEnvironment } from "./unprivileged.ts";

/** Replaying the log after a crash may take minutes on a slow disk. */
const startTimeoutMs = 5 * 60_000;

export type PostmasterInput = {
  binaries: PostgresBinaries;
  wrap: (command: readonly string[]) => [string, ...string[]];
  clusterDir: string;
  logPath: string;
  port: number;
  settings: Readonly<Record<string, string>>;
};

/** A running PostgreSQL; `exited` resolves when it has ended, for whatever reason. */
export type Postmaster = { pid: number; exited: Promise<void>; stop(): Promise<void> };

/**
 * Starts PostgreSQL and resolves when it takes connections. It is in a process group of its own: a Ctrl-C on the
 * terminal reaches the bot, which drains first. Throws a UserError with PostgreSQL's own words when it ends instead.
 */
export async function startPostmaster(input: PostmasterInput): Promise<Postmaster> {
  const log = openSync(input.logPath, "a", 0o600);
  const logStart = statSync(input.logPath).size;
  const [program, ...args] = input.wrap([
    input.binaries.postgres,
    "-D",
    input.clusterDir,
    ...toArguments(input),
  ]);
  const child = spawn(program, args, {
    stdio: ["ignore", log, log],
    detached: true,
    env: postgresEnvironment,
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const ready = () => {
    const mark = readPostmasterPid(input.clusterDir);
    return mark !== null && mark.pid === child.pid && mark.ready;
  };
  const inTime = await waitUntil(() => hasEnded(child) || ready(), startTimeoutMs);
  if (!inTime) await stopChild(child, exited);
  if (hasEnded(child) || child.pid === undefined) {
    const words = readFileSync(input.logPath).subarray(logStart).toString("utf8").trim();
    throw new UserError(
      "embedded-postgres-failed",
      `The embedded PostgreSQL did not start: ${words === "" ? `no word in ${input.logPath}` : words.slice(-2_000)}`,
      "Mend what it says, or set DATABASE_URL.",
    );
  }
  return { pid: child.pid, exited, stop: () => stopChild(child, exited) };
}

/** A port on the loopback interface that nobody uses at this moment. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function toArguments(input: PostmasterInput): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(input.port),
    // A socket's path may have 107 bytes; DATA_DIR may be longer.
    unix_socket_directories: "",
    timezone: "UTC",
    log_timezone: "UTC",
    ...input.settings,
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Fast shutdown (rolls back what is open), then immediate (the next start replays the log), then by force. */
async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGINT", 30_000],
    ["SIGQUIT", 10_000],
  ] as const) {
    child.kill(signal);
    if (await waitUntil(() => hasEnded(child), waitMs)) return exited;
  }
  child.kill("SIGKILL");
  return exited;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
