import { readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { killCgroups, removeCgroups } from "./cgroup.ts";
import { isAlive, readProcessIdentity } from "./process-identity.ts";
import { sendSignal } from "./running.ts";
import { SandboxError } from "./sandbox.ts";

const identity = z.object({ pid: z.number().int().positive(), startTicks: z.string() });

const runRecord = z.object({
  /** Boot and process namespace that the numbers belong to: elsewhere they mean other processes. */
  system: z.string(),
  /** The process that stands for the command: bubblewrap, or the leader of a process group. */
  command: identity,
  /** The command is a whole process group, which can outlive its leader. */
  group: z.boolean(),
  cgroups: z.array(z.string()),
  /** The worker that started it and waits for it. */
  owner: identity,
});

type RunRecord = z.infer<typeof runRecord>;

/** Notes a started command, so that another worker can end it; gives the undo. Rejects when the machine has gone meanwhile. */
export async function recordRun(
  directory: string,
  input: { pid: number; group: boolean; cgroups: readonly string[] },
): Promise<() => Promise<void>> {
  const [system, command, owner] = await Promise.all([
    readSystem(),
    readProcessIdentity(input.pid),
    readProcessIdentity(process.pid),
  ]);
  // Over already, or a system without /proc, where a number alone would not tell whom a later signal hits.
  if (system === null || command === null || owner === null) return () => Promise.resolve();
  const record = {
    system,
    command,
    group: input.group,
    cgroups: [...input.cgroups],
    owner,
  } satisfies RunRecord;
  const path = join(directory, `${input.pid}-${command.startTicks}.json`);
  await writeFile(path, JSON.stringify(record));
  return () => rm(path, { force: true });
}

/** Ends the machine's commands: all of them, or those whose worker is dead. Rejects when one does not die. */
export async function endRuns(directory: string, which: "all" | "orphans"): Promise<void> {
  for (const name of await list(directory)) {
    const path = join(directory, name);
    const record = await readRecord(path);
    if (record === null || (await isForeign(record))) continue;
    if (which === "orphans" && (await isAlive(record.owner))) continue;
    await endRun(record);
    await rm(path, { force: true });
  }
}

async function endRun(record: RunRecord): Promise<void> {
  const { command } = record;
  const leader = await readProcessIdentity(command.pid);
  // A number that another process has now is not taken for a group's either.
  const isOurs = leader === null || leader.startTicks === command.startTicks;
  if (record.group && isOurs) sendSignal(-command.pid, "SIGKILL");
  else if (leader !== null && isOurs) sendSignal(command.pid, "SIGKILL");
  await killCgroups(record.cgroups);
  await untilGone(command);
  await removeCgroups(record.cgroups);
}

/** Written under another boot or in another container: its processes are gone or out of reach. */
async function isForeign(record: RunRecord): Promise<boolean> {
  return record.system !== (await readSystem());
}

async function readSystem(): Promise<string | null> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    return `${boot.trim()} ${await readlink("/proc/self/ns/pid")}`;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

async function untilGone(command: z.infer<typeof identity>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (await isAlive(command)) {
    if (Date.now() > deadline) {
      throw new SandboxError("transient", `process ${command.pid} was killed and is still there after 5 s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function readRecord(path: string): Promise<RunRecord | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  // Torn by a crash while it was written: the command it speaks of died with its worker or is found by its group.
  const parsed = runRecord.safeParse(parseOrNull(text));
  return parsed.success ? parsed.data : null;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
