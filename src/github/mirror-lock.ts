import { spawn } from "node:child_process";
import { access, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { TransientError } from "../errors.ts";

const waiting = new Map<string, Promise<unknown>>();

/**
 * Runs `act` while no other task, in this process or in another one on this host, holds the same lock file. A lock dies
 * with its process. Rejects with a TransientError when the lock is not free within `timeoutMs`.
 */
export async function withMirrorLock<Result>(
  input: { path: string; timeoutMs: number; signal?: AbortSignal | undefined },
  act: () => Promise<Result>,
): Promise<Result> {
  const before = waiting.get(input.path) ?? Promise.resolve();
  const turn = Promise.withResolvers<undefined>();
  const after = before.then(() => turn.promise);
  waiting.set(input.path, after);
  try {
    await untilOrAborted(before, input.signal);
    return await holding(input, act);
  } finally {
    turn.resolve(undefined);
    if (waiting.get(input.path) === after) waiting.delete(input.path);
  }
}

async function untilOrAborted(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await before;
    return;
  }
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<undefined>();
  const onAbort = () => aborted.resolve(undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  await Promise.race([before, aborted.promise]);
  signal.removeEventListener("abort", onAbort);
  signal.throwIfAborted();
}

const flock = "/usr/bin/flock";

/** flock(1) holds the kernel's lock for as long as its standard input is open, which is as long as we live. */
async function holding<Result>(
  input: { path: string; timeoutMs: number; signal?: AbortSignal | undefined },
  act: () => Promise<Result>,
): Promise<Result> {
  input.signal?.throwIfAborted();
  await mkdir(dirname(input.path), { recursive: true, mode: 0o700 });
  // Systems without flock(1) run one worker.
  if (!(await exists(flock))) return act();
  const seconds = String(Math.max(1, Math.ceil(input.timeoutMs / 1_000)));
  const script = "echo held; exec cat";
  const holder = spawn(flock, ["--exclusive", "--timeout", seconds, input.path, "/bin/sh", "-c", script], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { PATH: "/usr/bin:/bin" },
  });
  const exited = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  const onAbort = () => holder.kill("SIGKILL");
  input.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const held = await new Promise<boolean>((resolve, reject) => {
      holder.once("error", reject);
      holder.stdout.once("data", () => resolve(true));
      void exited.then(() => resolve(false));
    });
    input.signal?.throwIfAborted();
    if (!held) throw new TransientError(`another worker holds ${input.path} for more than ${seconds} s`);
    input.signal?.removeEventListener("abort", onAbort);
    return await act();
  } finally {
    input.signal?.removeEventListener("abort", onAbort);
    holder.stdin.destroy();
    await exited;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
