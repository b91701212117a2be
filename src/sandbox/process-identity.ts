import { readFile } from "node:fs/promises";

/** A process that cannot be mistaken for a later one with the same number: its start time belongs to it. */
export type ProcessIdentity = { pid: number; startTicks: string };

/** Null when there is no such process, when it is dead and only not yet reaped, or where /proc does not exist. */
export async function readProcessIdentity(pid: number): Promise<ProcessIdentity | null> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) {
      return null;
    }
    throw error;
  }
  // The name in field 2 may hold anything, a bracket and blanks included: fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  if (state === undefined || startTicks === undefined || state === "Z" || state === "X") return null;
  return { pid, startTicks };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await readProcessIdentity(identity.pid))?.startTicks === identity.startTicks;
}
