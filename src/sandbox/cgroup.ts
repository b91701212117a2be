import { randomBytes } from "node:crypto";
import { access, constants, mkdir, readFile, readdir, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sendSignal } from "./running.ts";

/** The folders in which this process may make cgroups, one a hierarchy. */
export type CgroupHome = { version: 1 | 2; parents: readonly string[] };

export type CgroupLimits = { memoryBytes: number; processes: number };

export type Cgroup = {
  /** A process joins by writing 0 to `cgroup.procs` of each. */
  directories: readonly string[];
  close: () => Promise<void>;
};

const prefix = "remote-claude-";

/** Where memory and process count can be limited on this host; null when nothing of it is writable. */
export async function findCgroupHome(): Promise<CgroupHome | null> {
  const [own, mounts] = await Promise.all([
    readLines("/proc/self/cgroup"),
    readLines("/proc/self/mountinfo"),
  ]);
  const memberships = own.map((line) => {
    const [, controllers = "", ...path] = line.split(":");
    return { controllers: controllers.split(","), path: path.join(":") };
  });
  const parentOf = (type: string, controller: string | null) => {
    const member = memberships.find(({ controllers }) => controllers.includes(controller ?? ""));
    const mount = mounts
      .map(parseMount)
      .find((entry) => entry?.type === type && (controller === null || entry.options.includes(controller)));
    if (member === undefined || !mount) return null;
    const below = mount.root === "/" ? member.path : member.path.replace(mount.root, "");
    return join(mount.point, below);
  };
  const second = parentOf("cgroup2", null);
  if (second !== null && (await delegates(second))) return { version: 2, parents: [second] };
  const [memory, pids] = [parentOf("cgroup", "memory"), parentOf("cgroup", "pids")];
  if (memory === null || pids === null) return null;
  if (!(await canMake(memory)) || !(await canMake(pids))) return null;
  return { version: 1, parents: [memory, pids] };
}

/** Makes one cgroup for one command. */
export async function openCgroup(home: CgroupHome, limits: CgroupLimits): Promise<Cgroup> {
  const name = `${prefix}${randomBytes(6).toString("hex")}`;
  const directories = home.parents.map((parent) => join(parent, name));
  for (const directory of directories) await mkdir(directory);
  const set = async (file: string, value: string) => {
    for (const directory of directories) {
      if (await exists(join(directory, file))) await writeFile(join(directory, file), value);
    }
  };
  await set("pids.max", String(limits.processes));
  if (home.version === 2) {
    await set("memory.max", String(limits.memoryBytes));
    await set("memory.swap.max", "0");
    await set("memory.oom.group", "1");
  } else {
    await set("memory.limit_in_bytes", String(limits.memoryBytes));
  }
  return { directories, close: () => removeCgroups(directories) };
}

/** Kills whatever is in the cgroups; those that are gone hold nothing. */
export async function killCgroups(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    for (const pid of await readLines(join(directory, "cgroup.procs"))) sendSignal(Number(pid), "SIGKILL");
  }
}

/** Removes what a killed worker left. A cgroup with a living process stays, and so does a fresh one: another worker may be about to fill it. */
export async function sweepCgroups(home: CgroupHome, now: Date): Promise<void> {
  for (const parent of home.parents) {
    for (const name of (await readdir(parent)).filter((entry) => entry.startsWith(prefix))) {
      const age = now.getTime() - (await madeAtMs(join(parent, name)));
      if (age > 60_000) await removeCgroup(join(parent, name));
    }
  }
}

/** For one that another worker has just removed: now, so that it counts as fresh. */
async function madeAtMs(directory: string): Promise<number> {
  try {
    return (await stat(directory)).mtimeMs;
  } catch (error) {
    if (isGone(error)) return Date.now();
    throw error;
  }
}

/** How long a killed process may take to be reaped by whoever inherited it. */
const reapMs = 300;

/** Removes cgroups; one with a process that is still on its way out stays for the next sweep. */
export async function removeCgroups(directories: readonly string[]): Promise<void> {
  const deadline = performance.now() + reapMs;
  for (const directory of directories) {
    while (!(await removeCgroup(directory)) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function removeCgroup(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (isGone(error)) return true;
    if (error instanceof Error && "code" in error && error.code === "EBUSY") return false;
    throw error;
  }
}

async function delegates(directory: string): Promise<boolean> {
  const control = join(directory, "cgroup.subtree_control");
  if (!(await exists(control))) return false;
  const wanted = ["memory", "pids"];
  const enabled = ((await readLines(control))[0] ?? "").split(" ");
  if (wanted.every((name) => enabled.includes(name))) return canMake(directory);
  try {
    await writeFile(control, wanted.map((name) => `+${name}`).join(" "));
  } catch {
    return false;
  }
  return canMake(directory);
}

async function canMake(directory: string): Promise<boolean> {
  const trial = join(directory, `${prefix}trial-${randomBytes(6).toString("hex")}`);
  try {
    await mkdir(trial);
    await access(join(trial, "cgroup.procs"), constants.W_OK);
    await rmdir(trial);
    return true;
  } catch {
    return false;
  }
}

function parseMount(line: string) {
  const [before, after] = line.split(" - ");
  const [, , , root, point] = before?.split(" ") ?? [];
  const [type, , options] = after?.split(" ") ?? [];
  if (root === undefined || point === undefined || type === undefined || options === undefined) return null;
  return { root, point, type, options: options.split(",") };
}

/** A cgroup may go between any two calls; the kernel then says "no such device" of a file that is open already. */
const goneCodes = new Set<unknown>(["ENOENT", "ENODEV"]);
const isGone = (error: unknown) => error instanceof Error && "code" in error && goneCodes.has(error.code);

async function readLines(path: string): Promise<string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
