import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Runs the check for every process of the host; one that ends meanwhile, or is not ours to read, does not count. */
function findProcesses(check: (pid: number) => boolean): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return check(pid);
      } catch (error) {
        if (error instanceof Error && "code" in error) return false;
        throw error;
      }
    });
}

function isZombie(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

function environmentOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
}

/** Host pids whose environment holds exactly this `NAME=value`. */
export function processesWith(assignment: string): number[] {
  return findProcesses((pid) => !isZombie(pid) && environmentOf(pid).includes(assignment));
}

let nextLook: Promise<Map<string, number[]>> | null = null;

/**
 * The same for many callers at once, who share one look at the host's processes that begins after they asked:
 * host pids by the assignments of the variable.
 */
export function processesByAssignment(variable: string): Promise<Map<string, number[]>> {
  return (nextLook ??= new Promise((resolve, reject) => {
    setImmediate(() => {
      nextLook = null;
      const found = new Map<string, number[]>();
      try {
        findProcesses((pid) => {
          const assignment = environmentOf(pid).find((text) => text.startsWith(`${variable}=`));
          if (assignment === undefined || isZombie(pid)) return false;
          found.set(assignment, [...(found.get(assignment) ?? []), pid]);
          return true;
        });
        resolve(found);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }));
}

/** Host pids of the processes in the pid namespace of `member`, itself and zombies left out. */
export function processesBeside(member: number): number[] {
  const namespace = readlinkSync(`/proc/${member}/ns/pid`);
  return findProcesses(
    (pid) => pid !== member && readlinkSync(`/proc/${pid}/ns/pid`) === namespace && !isZombie(pid),
  );
}

/** The one child of a process, once there is one. */
export function onlyChild(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  const child = Number(children[0]);
  if (children.length !== 1 || !(child > 0)) {
    throw new Error(`Expected process ${pid} to have one child, got "${children.join(" ")}".`);
  }
  return child;
}

/** Sends a signal; false when there is no such process any more. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
