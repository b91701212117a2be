import type { Writable } from "node:stream";
import { ConnectError, type EventStream } from "./connect-stream.ts";
import type { CommandStart, MachineHost, Started } from "./host.ts";
import { signalProcess } from "./processes.ts";

type End = { exitCode: number; exited: boolean; status: string; error?: string };

/** A process that envd started, with whoever listens to it. It goes on when nobody does. */
export type Command = {
  readonly pid: number;
  readonly config: Pick<CommandStart, "cmd" | "args" | "cwd"> & { envs: Readonly<Record<string, string>> };
  /** Sends the start event, everything that comes from now on, and the end. */
  listen(stream: EventStream): void;
  /** Signals this one process, as envd does: not its children, not its group. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
  write(data: Buffer): Promise<void>;
  closeStdin(): void;
  /** Resolves after the end event. */
  ended: Promise<void>;
};

const signalNumbers: Partial<Record<string, string>> = {
  SIGKILL: "killed",
  SIGTERM: "terminated",
  SIGINT: "interrupt",
  SIGHUP: "hangup",
  SIGSEGV: "segmentation fault",
  SIGABRT: "aborted",
  SIGPIPE: "broken pipe",
};

/** Starts a process; `timeoutMs` null lets it live as long as the machine. */
export async function runCommand(
  host: MachineHost,
  input: CommandStart & { envs: Readonly<Record<string, string>>; timeoutMs: number | null },
): Promise<Command> {
  const started = await host.start(input);
  const { child } = started;
  const listeners = new Set<EventStream>();
  const output = watchOutput(started, listeners);
  const timer =
    input.timeoutMs === null
      ? null
      : setTimeout(() => {
          output.stopWaiting();
          signalProcess(started.hostPid, "SIGKILL");
        }, input.timeoutMs);
  const ended = output.ended.then((end) => {
    if (timer !== null) clearTimeout(timer);
    for (const stream of listeners) {
      stream.send({ event: { end } });
      stream.end();
    }
  });
  return {
    pid: started.pid,
    config: { cmd: input.cmd, args: input.args, cwd: input.cwd, envs: input.envs },
    listen(stream) {
      stream.send({ event: { start: { pid: started.pid } } });
      listeners.add(stream);
      stream.onClose(() => {
        listeners.delete(stream);
        output.resume();
      });
    },
    signal(name) {
      output.stopWaiting();
      signalProcess(started.hostPid, name);
    },
    write: (data) => writeStdin(child.stdin, data),
    closeStdin: () => void child.stdin?.end(),
    ended,
  };
}

function writeStdin(stdin: Writable | null, data: Buffer): Promise<void> {
  if (stdin === null || stdin.writableEnded) {
    throw new ConnectError("internal", "error writing to stdin: stdin not enabled or closed");
  }
  return new Promise((resolve, reject) => {
    stdin.write(data, (error) => {
      if (error) reject(new ConnectError("internal", `error writing to stdin: ${error.message}`));
      else resolve();
    });
  });
}

/** Hands the output on, at the pace of the slowest listener, and says how the process ended. */
function watchOutput({ child }: Started, listeners: Set<EventStream>) {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("Expected a process with piped output.");
  // A process that ends before it has read its stdin breaks the pipe; the writer is told by its own callback.
  child.stdin?.on("error", () => child.stdin?.destroy());
  let waitsForOutput = true;
  let exit: End | null = null;
  let finish: (end: End) => void;
  const ended = new Promise<End>((resolve) => (finish = resolve));
  const resume = () => {
    stdout.resume();
    stderr.resume();
  };
  const stopWaiting = () => {
    waitsForOutput = false;
    if (exit !== null) finishNow(exit);
  };
  const finishNow = (end: End) => {
    // What still holds the pipes (a child in the background) is not listened to any more, and not broken either.
    resume();
    finish(end);
  };
  const forward = (name: "stdout" | "stderr", chunk: Buffer) => {
    const event = { event: { data: { [name]: chunk.toString("base64") } } };
    for (const stream of listeners) {
      if (stream.send(event)) continue;
      stdout.pause();
      stderr.pause();
      stream.onDrain(resume);
    }
  };
  stdout.on("data", (chunk: Buffer) => forward("stdout", chunk));
  stderr.on("data", (chunk: Buffer) => forward("stderr", chunk));
  child.once("exit", (code, signal) => {
    exit = endOf(code, signal);
    if (!waitsForOutput) finishNow(exit);
  });
  child.once("close", (code: number | null, signal: NodeJS.Signals | null) => finish(endOf(code, signal)));
  return { ended, resume, stopWaiting };
}

function endOf(code: number | null, signal: NodeJS.Signals | null): End {
  if (signal !== null) {
    const status = `signal: ${signalNumbers[signal] ?? signal}`;
    return { exitCode: -1, exited: false, status, error: status };
  }
  const status = `exit status ${code ?? -1}`;
  return { exitCode: code ?? -1, exited: true, status, ...(code === 0 ? {} : { error: status }) };
}
