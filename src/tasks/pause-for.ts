import { setTimeout as delay } from "node:timers/promises";

/** True after the time, false as soon as the signal has ended it. */
export async function pauseFor(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    return await delay(ms, true, { signal });
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
