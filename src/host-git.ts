import { spawn } from "node:child_process";
import { Readable, type Writable } from "node:stream";

export type HostGitInput = {
  args: readonly string[];
  /** A folder that only the bot writes; never an agent's checkout. */
  cwd: string;
  /** The only transport this command may use; "none" for commands that need none. */
  protocol: "none" | "file" | "http" | "https";
  /** Settings beyond the hardened ones. They travel in the environment, so a value may be a credential. */
  config?: Readonly<Record<string, string>>;
  env?: Readonly<Record<string, string>>;
  stdin?: string | Uint8Array | Readable;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** More output than this ends the command; 64 MiB when absent. */
  maxStdoutBytes?: number;
  /** A prefix such as prlimit with its limits. */
  wrapper?: readonly string[];
};

export type HostGitResult = {
  exitCode: number | null;
  /** Why we ended it ourselves; null when it ended by itself. */
  stopped: "timeout" | "output" | null;
  stdout: Buffer;
  /** The last 8 KiB. */
  stderr: string;
};

/** No settings of the system, the user or a repository decide what our git does. */
const hardened: Readonly<Record<string, string>> = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.symlinks": "false",
  "core.protectHFS": "true",
  "core.protectNTFS": "true",
  "credential.helper": "",
  "http.followRedirects": "false",
  "transfer.fsckObjects": "true",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "commit.gpgSign": "false",
  "push.followTags": "false",
  "push.recurseSubmodules": "no",
  "fetch.recurseSubmodules": "false",
  "submodule.recurse": "false",
  "diff.external": "",
};

/**
 * Runs git on the host in a hardened environment. A non-zero exit is a value; an abort rejects with the signal's reason.
 * Never call it inside a folder that an agent could write: a repository's own settings can start programs.
 */
export async function runHostGit(input: HostGitInput): Promise<HostGitResult> {
  input.signal?.throwIfAborted();
  const [file = "git", ...args] = [...(input.wrapper ?? []), "git", ...input.args];
  const child = spawn(file, args, {
    cwd: input.cwd,
    env: environment(input),
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  let stopped: HostGitResult["stopped"] = null;
  let insist: NodeJS.Timeout | undefined;
  // The whole group: git's transports are processes of their own. On SIGTERM git removes its lock files.
  const stop = (why: HostGitResult["stopped"]) => {
    stopped = why;
    const { pid } = child;
    if (pid === undefined || child.exitCode !== null || insist !== undefined) return;
    killGroup(pid, "SIGTERM");
    insist = setTimeout(() => killGroup(pid, "SIGKILL"), 3_000);
  };
  const onAbort = () => stop(null);
  input.signal?.addEventListener("abort", onAbort, { once: true });
  const deadline = setTimeout(() => stop("timeout"), input.timeoutMs);
  const stdout = collect(child.stdout, input.maxStdoutBytes ?? 64 * 2 ** 20, () => stop("output"));
  const stderr = collectTail(child.stderr, 8_192);
  const sourceFault = feed(child.stdin, input.stdin ?? "");
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    input.signal?.throwIfAborted();
    if (sourceFault.error !== null) throw sourceFault.error;
    return { exitCode, stopped, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(deadline);
    clearTimeout(insist);
    input.signal?.removeEventListener("abort", onAbort);
  }
}

/** git may exit without reading its input, and its exit code tells; a source that cannot be read is another matter. */
function feed(stdin: Writable, source: string | Uint8Array | Readable): { error: Error | null } {
  const fault: { error: Error | null } = { error: null };
  stdin.on("error", () => stdin.destroy());
  if (!(source instanceof Readable)) {
    stdin.end(source);
    return fault;
  }
  source.on("error", (error) => {
    fault.error = error;
    stdin.destroy();
  });
  stdin.on("close", () => source.destroy());
  source.pipe(stdin);
  return fault;
}

function environment(input: HostGitInput): Record<string, string> {
  const settings = Object.entries({ ...hardened, ...input.config });
  const env: Record<string, string> = {
    PATH: "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    HOME: "/nonexistent",
    XDG_CONFIG_HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "false",
    SSH_ASKPASS: "false",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LITERAL_PATHSPECS: "1",
    // An empty list allows no transport at all.
    GIT_ALLOW_PROTOCOL: input.protocol === "none" ? "" : input.protocol,
    GIT_CONFIG_COUNT: String(settings.length),
    ...input.env,
  };
  for (const [index, [key, value]] of settings.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return env;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function collect(stream: NodeJS.ReadableStream, maxBytes: number, onOverflow: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  stream.on("data", (chunk: Buffer) => {
    total += chunk.length;
    if (total <= maxBytes) chunks.push(chunk);
    else onOverflow();
  });
  return () => Buffer.concat(chunks);
}

function collectTail(stream: NodeJS.ReadableStream, maxBytes: number): () => string {
  let held = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]).subarray(-maxBytes);
  });
  return () => held.toString("utf8");
}
