import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { UserError } from "../errors.ts";

const pollMs = 20;

/** What PostgreSQL says about itself in `postmaster.pid`; null when it has none. */
export function readPostmasterPid(clusterDir: string): { pid: number; port: number; ready: boolean } | null {
  const lines = readIfThere(join(clusterDir, "postmaster.pid"))?.split("\n");
  if (lines === undefined) return null;
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid < 1) return null;
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
}

/**
 * Ends a PostgreSQL that a killed bot left behind on this cluster, and clears the mark of one that died itself.
 * The caller holds the folder's lock, so nobody who counts is using it.
 */
export async function endOrphan(clusterDir: string): Promise<{ pid: number } | null> {
  const left = readPostmasterPid(clusterDir);
  if (left === null) return null;
  if (!(await runsOn(left.pid, clusterDir))) {
    // PostgreSQL itself would take any process that got the same number since (after a reboot, in a container) for it.
    await rm(join(clusterDir, "postmaster.pid"), { force: true });
    return null;
  }
  for (const [signal, waitMs] of [
    ["SIGINT", 30_000],
    ["SIGQUIT", 10_000],
    ["SIGKILL", 10_000],
  ] as const) {
    process.kill(left.pid, signal);
    if (await waitUntil(async () => !(await runsOn(left.pid, clusterDir)), waitMs)) return { pid: left.pid };
  }
  throw new UserError(
    "embedded-postgres-failed",
    `Expected the PostgreSQL that an earlier bot left behind (process ${left.pid}) to end, but it did not.`,
    "End it by hand and start again.",
  );
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Looks at the state every 20 ms; false when the time is over. */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> {
  const until = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > until) return false;
    await delay(pollMs);
  }
  return true;
}

/**
 * Whether this process is the server of this cluster, by its command line: numbers of dead processes are used again,
 * and one that ended but was not yet collected by its parent has a number and no command line.
 */
async function runsOn(pid: number, clusterDir: string): Promise<boolean> {
  if (process.platform === "linux") {
    return (readIfThere(`/proc/${pid}/cmdline`) ?? "").split("\0").includes(clusterDir);
  }
  if (!isAlive(pid)) return false;
  const { stdout } = await promisify(execFile)("ps", ["-ww", "-o", "args=", "-p", String(pid)]);
  return stdout.includes(clusterDir);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // ESRCH: the process ended between the opening and the reading.
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return null;
    throw error;
  }
}
