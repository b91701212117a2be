import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isAlive, readProcessIdentity } from "./process-identity.ts";
import { sendSignal } from "./running.ts";
import { SandboxError } from "./sandbox.ts";

const identity = z.object({ pid: z.number().int().positive(), startTicks: z.string() });

const runRecord = z.object({
  /** The process that stands for the command: bubblewrap, or the leader of a process group. */
  command: identity,
  /** Signal the group instead of the process. */
  group: z.boolean(),
  /** The worker that started it and waits for it. */
  owner: identity,
});

/** Notes a started command, so that another worker can end it; gives the undo. */
export async function recordRun(
  directory: string,
  input: { pid: number; group: boolean },
): Promise<() => Promise<void>> {
  const [command, owner] = await Promise.all([
    readProcessIdentity(input.pid),
    readProcessIdentity(process.pid),
  ]);
  // Over already, or a system without /proc, where a number alone would not tell whom a later signal hits.
  if (command === null || owner === null) return () => Promise.resolve();
  const path = join(directory, `${input.pid}-${command.startTicks}.json`);
  await mkdir(directory, { recursive: true });
  await writeFile(path, JSON.stringify({ command, group: input.group, owner }));
  return () => rm(path, { force: true });
}

/** Ends the machine's commands: all of them, or those whose worker is dead. Rejects when one does not die. */
export async function endRuns(directory: string, which: "all" | "orphans"): Promise<void> {
  for (const name of await list(directory)) {
    const path = join(directory, name);
    const record = await readRecord(path);
    if (record === null) continue;
    if (which === "orphans" && (await isAlive(record.owner))) continue;
    if (await isAlive(record.command)) {
      sendSignal(record.group ? -record.command.pid : record.command.pid, "SIGKILL");
      await untilGone(record.command);
    }
    await rm(path, { force: true });
  }
}

/** Whether any command of the machine is running. */
export async function hasRuns(directory: string): Promise<boolean> {
  for (const name of await list(directory)) {
    const record = await readRecord(join(directory, name));
    if (record !== null && (await isAlive(record.command))) return true;
  }
  return false;
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

async function readRecord(path: string): Promise<z.infer<typeof runRecord> | null> {
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
