import { randomBytes } from "node:crypto";
import { toError } from "../errors.ts";
import { followRemote, type RemoteStreams } from "./remote-follow.ts";
import { baseEnvironment, launchScript, runMark } from "./remote-script.ts";
import type { RemoteShell } from "./remote-shell.ts";
import { createRemoteStop, type RemoteStop } from "./remote-stop.ts";
import { createRemoteStream } from "./remote-stream.ts";
import type { ExecInput, ExecResult, Sandbox } from "./sandbox.ts";
import type { Patience } from "./stop-ladder.ts";

export type RemoteExecTimings = {
  patience: { timeout: Patience; abort: Patience };
  /** How long a command may still be there after KILL until it is killed from outside. */
  killGraceMs: number;
  /** How long one look for news waits inside the machine, where the stream was lost. */
  pollMs: number;
};

export type RemoteMachine = {
  id: string;
  paths: Sandbox["paths"];
  shell: RemoteShell;
  /** Puts a script that is too long for a command line into a file of the machine. */
  upload: (path: string, data: string) => Promise<void>;
  /** Folder of the machine for the output of commands, and the names in it that nobody needs any more. */
  runs: { directory: string; done: string[] };
  timings: RemoteExecTimings;
};

/** Linux takes 128 KiB for one argument; what E2B and a login shell add stays below the rest. */
const maxScriptBytes = 100_000;

/** Runs one command in a remote machine, from its start to the end of all that it started. */
export async function runRemote(machine: RemoteMachine, input: ExecInput): Promise<ExecResult> {
  assertRunnable(input);
  const run = {
    machineId: machine.id,
    id: randomBytes(8).toString("hex"),
    directory: machine.runs.directory,
  };
  const done = machine.runs.done.splice(0);
  const script = launchScript(run, {
    argv: input.argv,
    env: {
      ...baseEnvironment(machine.id, machine.paths),
      ...(typeof input.env === "function" ? {} : input.env),
    },
    cwd: input.cwd ?? machine.paths.workspace,
    stdinPath: input.stdinPath ?? null,
    done,
  });
  if (input.signal?.aborted === true) return { ...ended, exitCode: null, aborted: true };
  const faults: Error[] = [];
  const listen = (listener: ExecInput["onStdout"]) =>
    createRemoteStream(runMark(run), (bytes) => {
      if (faults.length > 0) return;
      try {
        listener?.(bytes);
      } catch (error) {
        faults.push(toError(error));
        stop.kill();
      }
    });
  const streams: RemoteStreams = { stdout: listen(input.onStdout), stderr: listen(input.onStderr) };
  const following = followRemote(machine, { run, streams, killed: () => stop.killed });
  const stop = createRemoteStop({
    tell: (word) => following.tell(word),
    killHard: () => following.killHard(),
    graceMs: machine.timings.killGraceMs,
  });
  try {
    const text = await shortened(machine, `${run.directory}/${run.id}.sh`, script);
    const { exitCode, how } = await untilOver(machine, input, { stop, over: () => following.run(text) });
    if (faults[0] !== undefined) throw faults[0];
    const code = stop.killed ? { exitCode: null, signal: "SIGKILL" } : { exitCode, signal: null };
    return { ...code, ...how, stdoutTail: streams.stdout.tail(), stderrTail: streams.stderr.tail() };
  } finally {
    stop.end();
    following.leave();
    machine.runs.done.push(run.id, `${run.id}.sh`);
  }
}

const ended: ExecResult = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  aborted: false,
  stdoutTail: "",
  stderrTail: "",
};

async function untilOver(
  machine: RemoteMachine,
  input: ExecInput,
  { stop, over }: { stop: RemoteStop; over: () => Promise<number | null> },
) {
  const how = { timedOut: false, aborted: false };
  const deadline = setTimeout(() => {
    how.timedOut = true;
    stop.climb(machine.timings.patience.timeout);
  }, input.timeoutMs);
  const abort = () => {
    how.aborted = true;
    stop.climb(machine.timings.patience.abort);
  };
  input.signal?.addEventListener("abort", abort, { once: true });
  if (input.signal?.aborted === true) abort();
  try {
    return { exitCode: await Promise.race([over(), stop.failed]), how };
  } finally {
    clearTimeout(deadline);
    input.signal?.removeEventListener("abort", abort);
  }
}

async function shortened(machine: RemoteMachine, path: string, script: string): Promise<string> {
  if (Buffer.byteLength(script) <= maxScriptBytes) return script;
  await machine.upload(path, script);
  return `. ${path}`;
}

function assertRunnable(input: ExecInput): void {
  for (const value of [...input.argv, input.cwd ?? "/", input.stdinPath ?? "/"]) {
    if (value.includes("\0")) throw new TypeError("expected arguments and paths without NUL");
  }
  if (input.argv[0].includes("=")) {
    throw new TypeError(`expected a program's name without "=", got ${input.argv[0]}`);
  }
  if (input.gatewaySocket !== undefined || typeof input.env === "function") {
    throw new TypeError(
      "expected a plain environment and no socket: commands of a remote machine reach the gateway at the server's public address",
    );
  }
}
