import { once } from "node:events";
import { toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { startPostmaster, type Postmaster, type PostmasterInput } from "./postmaster.ts";

const restartDelayMaxMs = 5_000;

/**
 * Keeps PostgreSQL running, on one port so that its URL stays true; `record` hears of each new process.
 * Answers how to stop it.
 */
export function supervisePostmaster(input: {
  postmaster: Postmaster;
  command: PostmasterInput;
  record: (postmaster: Postmaster) => Promise<void>;
  log?: Logger | undefined;
}): () => Promise<void> {
  const { log } = input;
  const stopping = new AbortController();
  const stopped = once(stopping.signal, "abort");

  const keepRunning = async (): Promise<void> => {
    let current = input.postmaster;
    while (true) {
      await Promise.race([current.exited, stopped]);
      if (stopping.signal.aborted) break;
      log?.error({ pid: current.pid }, "the embedded PostgreSQL ended by itself; it is started again");
      current = (await restart(input, stopping.signal)) ?? current;
    }
    await current.stop();
  };
  const ended = keepRunning();
  return async () => {
    stopping.abort();
    await ended;
  };
}

/** Tries until it runs: what is in the way (children of the dead one, a full disk) may pass. Null when it is to stop. */
async function restart(
  input: Parameters<typeof supervisePostmaster>[0],
  stopping: AbortSignal,
): Promise<Postmaster | null> {
  for (let failures = 0; !stopping.aborted;) {
    try {
      const postmaster = await startPostmaster(input.command);
      await input.record(postmaster);
      return postmaster;
    } catch (error) {
      failures += 1;
      input.log?.error(
        { err: toError(error), failures },
        "the embedded PostgreSQL does not start; it is tried again",
      );
      await pause(stopping, Math.min(restartDelayMaxMs, 50 * 2 ** failures));
    }
  }
  return null;
}

/** Ends early with the signal. */
async function pause(signal: AbortSignal, timeoutMs: number): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, timeoutMs);
    signal.addEventListener("abort", end);
  });
}
