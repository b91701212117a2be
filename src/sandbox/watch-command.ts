import { createOutputTail } from "./output-tail.ts";
import type { Running } from "./running.ts";
import { type ExecInput, type ExecResult, SandboxError } from "./sandbox.ts";
import { createStopLadder, type Patience } from "./stop-ladder.ts";
import { toError } from "../errors.ts";

const tailBytes = 64 * 1024;
/** A stray that escaped an unisolated command may hold its pipes open for ever. */
const drainMs = 1_000;

type Watched = Pick<ExecInput, "timeoutMs" | "signal" | "onStdout" | "onStderr">;

/** Follows one started command to its end: streams its output, stops it at the deadline or on abort. */
export async function watchCommand(
  running: Running,
  input: Watched,
  patience: { timeout: Patience; abort: Patience },
): Promise<ExecResult> {
  const ladder = createStopLadder(running);
  const ended = { timedOut: false, aborted: false };
  const faults: Error[] = [];
  const listen = (
    stream: NodeJS.ReadableStream | null,
    listener: ((chunk: Uint8Array) => void) | undefined,
  ) => {
    const tail = createOutputTail(tailBytes);
    stream?.on("data", (chunk: Uint8Array) => {
      tail.push(chunk);
      if (faults.length > 0) return;
      try {
        listener?.(chunk);
      } catch (error) {
        faults.push(toError(error));
        running.kill();
      }
    });
    return tail;
  };
  const stdout = listen(running.child.stdout, input.onStdout);
  const stderr = listen(running.child.stderr, input.onStderr);
  const deadline = setTimeout(() => {
    ended.timedOut = true;
    ladder.climb(patience.timeout);
  }, input.timeoutMs);
  const abort = () => {
    ended.aborted = true;
    ladder.climb(patience.abort);
  };
  if (input.signal?.aborted === true) abort();
  else input.signal?.addEventListener("abort", abort, { once: true });
  try {
    const exit = await untilClosed(running);
    if (faults[0] !== undefined) throw faults[0];
    const how = ladder.killed ? { exitCode: null, signal: "SIGKILL" } : exit;
    return { ...how, ...ended, stdoutTail: stdout.text(), stderrTail: stderr.text() };
  } finally {
    clearTimeout(deadline);
    ladder.stop();
    input.signal?.removeEventListener("abort", abort);
  }
}

/** Resolves when the process has exited, its tree is gone and its output has been read to the end. */
async function untilClosed(running: Running): Promise<{ exitCode: number | null; signal: string | null }> {
  const { child } = running;
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const exit = await new Promise<{ exitCode: number | null; signal: string | null }>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new SandboxError("transient", `The command could not be started: ${cause.message}`, { cause })),
    );
    child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const drain = running.mayLeaveStrays
    ? setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, drainMs)
    : undefined;
  try {
    await running.cleanUp();
    await closed;
  } finally {
    clearTimeout(drain);
  }
  running.assertStarted();
  return exit;
}
