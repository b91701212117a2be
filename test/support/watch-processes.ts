import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Finding } from "./secret-scan.ts";

/** Reads argv and environment of every process below this one, again and again until `stop`, each pair once. */
export function watchProcesses(everyMs = 10): { findings: readonly Finding[]; stop: () => void } {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const own = namespaceOf(process.pid);
  const look = () => {
    for (const pid of descendants(process.pid)) {
      const where = namespaceOf(pid) === own ? "host" : "machine";
      const argv = read(pid, "cmdline");
      const program = argv.toString("latin1").split("\0")[0]?.split("/").at(-1) ?? "";
      for (const [what, bytes] of [
        ["argv", argv],
        ["environ", read(pid, "environ")],
      ] as const) {
        const key = `${pid} ${what} ${bytes.toString("latin1")}`;
        if (bytes.length === 0 || seen.has(key)) continue;
        seen.add(key);
        findings.push({ place: `${what} in ${where}: ${program}`, bytes });
      }
    }
  };
  const timer = setInterval(look, everyMs);
  return { findings, stop: () => clearInterval(timer) };
}

function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(Number(name), "stat").toString("latin1");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    const next = children.get(pid) ?? [];
    found.push(...next);
    open.push(...next);
  }
  return found;
}

function read(pid: number, name: string): Buffer {
  return ifAlive(() => readFileSync(`/proc/${pid}/${name}`)) ?? Buffer.alloc(0);
}

function namespaceOf(pid: number): string {
  return ifAlive(() => readlinkSync(`/proc/${pid}/ns/pid`)) ?? "gone";
}

/** Null for a process that is over, or not ours to read. */
function ifAlive<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM") return null;
    throw error;
  }
}
