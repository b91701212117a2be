import { toError } from "../errors.ts";

/**
 * The value, or at once the signal's reason: for what has no way to be stopped and must not keep a task from ending. What is
 * left behind goes on; when it fails after all, `onLateFailure` hears of it.
 */
export async function untilStopped<T>(
  going: Promise<T>,
  signal: AbortSignal,
  onLateFailure: (error: Error) => void,
): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => {
    going.catch((error: unknown) => {
      onLateFailure(toError(error));
    });
    stopped.reject(toError(signal.reason));
  };
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([going, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
