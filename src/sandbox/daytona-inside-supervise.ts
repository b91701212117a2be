import type { InsideLaunch, InsideStat } from "./daytona-inside-run.ts";

// Sent along from daytona-inside-run.ts: an import would not be there inside the machine.
declare function readStat(pid: string): InsideStat | null;

/** Runs inside the machine as text, like daytona-inside-run.ts: starts one command, ends it when asked, and writes down how it ended. */
export function superviseRun({ directory, launch }: { directory: string; launch: InsideLaunch }): void {
  const fs = process.getBuiltinModule("node:fs");
  const { spawn } = process.getBuiltinModule("node:child_process");
  const file = (name: string) => directory + "/" + name;
  const write = (name: string, text: string) => {
    fs.writeFileSync(file(name + ".draft"), text);
    fs.renameSync(file(name + ".draft"), file(name));
  };
  const stdout = fs.openSync(file("stdout"), "ax", 0o600);
  const stderr = fs.openSync(file("stderr"), "ax", 0o600);
  const stdin = launch.stdinPath === null ? "ignore" : fs.openSync(launch.stdinPath, "r");
  const how = { timedOut: false, aborted: false, killed: false };
  const [command = "", ...args] = launch.argv;
  const mark = "REMOTE_CLAUDE_RUN=" + directory.slice(directory.lastIndexOf("/") + 1);
  const child = spawn(command, args, {
    cwd: launch.cwd,
    env: Object.fromEntries([...Object.entries(launch.env), mark.split("=")]) as NodeJS.ProcessEnv,
    stdio: [stdin, stdout, stderr],
    detached: true,
  });
  const root = String(child.pid ?? "");
  let ladder: NodeJS.Timeout | undefined;
  const signal = (name: NodeJS.Signals) => signalProcess("-" + root, name);
  const kill = () => {
    how.killed = true;
    for (const pid of processesOf(root, mark)) signalProcess(pid, "SIGKILL");
  };
  const climb = ({ interruptMs, terminateMs }: InsideLaunch["patience"]["abort"]) => {
    clearTimeout(ladder);
    signal("SIGINT");
    ladder = setTimeout(() => {
      signal("SIGTERM");
      ladder = setTimeout(kill, terminateMs);
    }, interruptMs);
  };
  const finish = async (exitCode: number | null, name: string | null) => {
    clearTimeout(ladder);
    clearTimeout(deadline);
    clearInterval(watch);
    const left = await endTree(root, mark);
    const end = how.killed ? { exitCode: null, signal: "SIGKILL" } : { exitCode, signal: name };
    write("end", JSON.stringify({ ...end, timedOut: how.timedOut, aborted: how.aborted, left }));
  };
  child.once("error", (error: NodeJS.ErrnoException) => {
    if (child.pid !== undefined) return;
    fs.writeSync(stderr, command + ": " + error.message + "\n");
    void finish(error.code === "ENOENT" ? 127 : 126, null);
  });
  child.once("exit", (exitCode, name) => void finish(exitCode, name));
  const deadline = setTimeout(() => {
    how.timedOut = true;
    climb(launch.patience.timeout);
  }, launch.timeoutMs);
  let seen = { text: "", at: process.uptime() };
  let asked = "";
  const watch = setInterval(() => {
    const ask = fs.existsSync(file("ask")) ? fs.readFileSync(file("ask"), "utf8") : "";
    if (ask === "kill") kill();
    else if (ask !== asked) {
      asked = ask;
      how.aborted = true;
      climb(launch.patience.abort);
    }
    const text = fs.existsSync(file("seen")) ? fs.readFileSync(file("seen"), "utf8") : "";
    // By our own clock: that of the wall may jump.
    if (text !== seen.text) seen = { text, at: process.uptime() };
    if ((process.uptime() - seen.at) * 1_000 > launch.orphanMs) kill();
  }, 50);
  write("supervisor", `${process.pid} ${readStat(String(process.pid))?.start ?? ""}`);
}

/** Ends whatever the command left behind and looks until nothing is there; resolves to how many withstood for five seconds. */
async function endTree(root: string, mark: string): Promise<number> {
  for (let round = 0; ; round++) {
    const left = processesOf(root, mark);
    if (left.length === 0 || round === 100) return left.length;
    for (const pid of left) signalProcess(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function signalProcess(pid: string, name: NodeJS.Signals): void {
  try {
    process.kill(Number(pid), name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The living processes that carry a mark, those of the session of `root`, and all their descendants. */
function processesOf(root: string, mark: string): string[] {
  const fs = process.getBuiltinModule("node:fs");
  const found = new Map<string, InsideStat>();
  for (const pid of fs.readdirSync("/proc")) {
    const stat = /^\d+$/.test(pid) && pid !== String(process.pid) ? readStat(pid) : null;
    if (stat !== null && stat.state !== "Z") found.set(pid, stat);
  }
  const isMarked = (pid: string) => {
    try {
      const environment = fs.readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
      return environment.some((entry) => entry.startsWith(mark));
    } catch {
      // Gone meanwhile, or of another user: not ours.
      return false;
    }
  };
  const ours = new Set<string>();
  for (const [pid, { session }] of found)
    if (pid === root || session === root || isMarked(pid)) ours.add(pid);
  for (let size = -1; size !== ours.size;) {
    size = ours.size;
    for (const [pid, { parent }] of found) if (ours.has(parent)) ours.add(pid);
  }
  return [...ours];
}

export type InsideMachineRequest = {
  /** Ends every command that a former holder left running first, its supervisor with it. */
  sweep: boolean;
  /** Folders that must be there and writable. */
  folders: readonly string[];
};

/** Runs inside the machine as text: ends the processes of a run whose supervisor is no more. */
export async function endRun({ directory }: { directory: string }): Promise<{ left: number }> {
  return { left: await endTree("", `REMOTE_CLAUDE_RUN=${directory.slice(directory.lastIndexOf("/") + 1)}`) };
}

/** Runs inside the machine as text: makes it ready for a new holder. */
export async function prepareMachine(request: InsideMachineRequest) {
  const fs = process.getBuiltinModule("node:fs");
  const left = request.sweep ? await endTree("", "REMOTE_CLAUDE_RUN=") : 0;
  let problem: string | null = null;
  for (const folder of request.folders) {
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
      fs.accessSync(folder, fs.constants.W_OK);
    } catch (error) {
      problem ??= `${folder} is not to be written: ${String((error as NodeJS.ErrnoException).code)}`;
    }
  }
  const { homedir: home, username: user } = process.getBuiltinModule("node:os").userInfo();
  const environment = fs.readFileSync("/proc/self/environ", "utf8").split("\0");
  const path = environment.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length);
  return { home, user, path: path ?? "/usr/local/bin:/usr/bin:/bin", left, problem };
}

/** What each of them needs beside it, with `readStat`. */
export const superviseRunParts = [endTree, signalProcess, processesOf] as const;
