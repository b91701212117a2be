/**
 * What runs inside the machine to start, follow and end one command. The functions are sent there as text: they may use
 * each other and what Node brings, nothing else of this program.
 */

export type InsideLaunch = {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  stdinPath: string | null;
  timeoutMs: number;
  /** Without anybody reading for this long the command is ended: its worker is dead. */
  orphanMs: number;
  patience: Record<"timeout" | "abort", { interruptMs: number; terminateMs: number }>;
};

export type InsideRunRequest = {
  /** The run's own folder; its name is the run's id. */
  directory: string;
  /** Starts the command unless the folder is there already, so that the request can be sent again. */
  launch: InsideLaunch | null;
  ask: "abort" | "kill" | null;
  stdoutOffset: number;
  stderrOffset: number;
  /** How long to wait for news, ms. */
  waitMs: number;
  /** At most so many bytes of each stream. */
  maxBytes: number;
  /** Folders of runs that are over and read to the end. */
  finished: readonly string[];
};

export type InsideRunEnd = {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  aborted: boolean;
  /** How many of its processes could not be ended. */
  left: number;
};

export type InsideRunAnswer =
  /** The streams are base64 from the asked offsets; `end` comes with the last bytes only. */
  | { kind: "news"; stdout: string; stderr: string; end: InsideRunEnd | null }
  | { kind: "refused"; reason: string }
  /** What followed the command was killed; how the command ended is not known. */
  | { kind: "vanished" };

/** `supervisor` is the text of `superviseRun` with what it needs. */
export async function followRun(request: InsideRunRequest, supervisor: string): Promise<InsideRunAnswer> {
  const fs = process.getBuiltinModule("node:fs");
  const { directory } = request;
  for (const done of request.finished) fs.rmSync(done, { recursive: true, force: true });
  if (request.launch !== null) {
    const refused = await launchRun(directory, request.launch, supervisor);
    if (refused !== null) return { kind: "refused", reason: refused };
  }
  const file = (name: string) => directory + "/" + name;
  if (request.ask !== null && fs.existsSync(directory)) {
    fs.writeFileSync(file("ask.draft"), request.ask);
    fs.renameSync(file("ask.draft"), file("ask"));
  }
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const deadline = Date.now() + request.waitMs;
  for (let gathered = false; ;) {
    if (!fs.existsSync(file("supervisor"))) return { kind: "vanished" };
    fs.writeFileSync(file("seen"), String(Date.now()));
    const alive = isAlive(fs.readFileSync(file("supervisor"), "utf8"));
    // Looked at before the streams: what was written before the end is then complete.
    const end = fs.existsSync(file("end")) ? fs.readFileSync(file("end"), "utf8") : null;
    const sizes = [fs.statSync(file("stdout")).size, fs.statSync(file("stderr")).size] as const;
    const isNews = sizes[0] > request.stdoutOffset || sizes[1] > request.stderrOffset;
    if (end === null && !alive && !isNews) return { kind: "vanished" };
    if (end === null && !isNews && Date.now() < deadline) {
      await pause(25);
      continue;
    }
    if (end === null && isNews && !gathered) {
      // Lines come in bursts: one answer for all of a burst.
      gathered = true;
      await pause(80);
      continue;
    }
    const stdout = readFrom(file("stdout"), request.stdoutOffset, request.maxBytes);
    const stderr = readFrom(file("stderr"), request.stderrOffset, request.maxBytes);
    const whole =
      request.stdoutOffset + stdout.length >= sizes[0] && request.stderrOffset + stderr.length >= sizes[1];
    return {
      kind: "news",
      stdout: stdout.toString("base64"),
      stderr: stderr.toString("base64"),
      end: end !== null && whole ? (JSON.parse(end) as InsideRunEnd) : null,
    };
  }
}

function readFrom(path: string, offset: number, maxBytes: number): Buffer {
  const fs = process.getBuiltinModule("node:fs");
  const fd = fs.openSync(path, "r");
  try {
    const buffer = Buffer.alloc(Math.max(0, Math.min(maxBytes, fs.fstatSync(fd).size - offset)));
    return buffer.subarray(0, fs.readSync(fd, buffer, 0, buffer.length, offset));
  } finally {
    fs.closeSync(fd);
  }
}

/** Starts the supervisor of a run and waits for its word; a sentence says why the command cannot be started. */
async function launchRun(
  directory: string,
  launch: InsideLaunch,
  supervisor: string,
): Promise<string | null> {
  const fs = process.getBuiltinModule("node:fs");
  const { spawn } = process.getBuiltinModule("node:child_process");
  const isFolder = fs.statSync(launch.cwd, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder && !fs.existsSync(directory))
    return "expected a folder to run in at " + launch.cwd + ", found none";
  if (launch.stdinPath !== null && !fs.existsSync(directory)) {
    const isFile = fs.lstatSync(launch.stdinPath, { throwIfNoEntry: false })?.isFile() === true;
    if (!isFile) return "expected a file for stdin at " + launch.stdinPath + ", found none";
  }
  fs.mkdirSync(directory.slice(0, directory.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  try {
    fs.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return null;
    throw error;
  }
  // By its mark a later holder of the machine finds what this one left.
  const mark = `REMOTE_CLAUDE_RUN=${directory.slice(directory.lastIndexOf("/") + 1)}`;
  const child = spawn("env", [mark, process.execPath, "-e", supervisor], {
    cwd: directory,
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Not in its argument list: what it gets holds the environment of the command.
  child.stdin.end(JSON.stringify({ directory, launch }));
  const gone = new Promise((resolve) => child.once("exit", resolve));
  while (!fs.existsSync(directory + "/supervisor")) {
    const pause = new Promise((resolve) => setTimeout(resolve, 5));
    if ((await Promise.race([gone, pause])) !== undefined) break;
  }
  child.unref();
  return null;
}

/** Whether "pid start" names a process that lives: the start time tells it from a later one of the same id. */
function isAlive(identity: string): boolean {
  const fs = process.getBuiltinModule("node:fs");
  const [pid = "", start] = identity.split(" ");
  const stat = fs.existsSync("/proc/" + pid) ? readStat(pid) : null;
  return stat !== null && stat.start === start && stat.state !== "Z";
}

export type InsideStat = { state: string; parent: string; session: string; start: string };

export function readStat(pid: string): InsideStat | null {
  const fs = process.getBuiltinModule("node:fs");
  try {
    const text = fs.readFileSync("/proc/" + pid + "/stat", "utf8");
    // The name in parentheses may hold spaces and parentheses.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return {
      state: fields[0] ?? "",
      parent: fields[1] ?? "",
      session: fields[3] ?? "",
      start: fields[19] ?? "",
    };
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw error;
  }
}

/** What `followRun` needs beside it. */
export const followRunParts = [readFrom, launchRun, isAlive, readStat] as const;
