import { setTimeout as delay } from "node:timers/promises";
import type { TaskWatch } from "./task-watch.ts";

/**
 * What a stopped attempt may take to come to its end: SIGINT 2 s, SIGTERM 1 s. After that its thread
 * is told without it.
 */
const stopGraceMs = 3_000;

/** The work's own end, or "overdue" when it was stopped and is not at its end in time. */
export async function endInTime<T>(
  work: Promise<T>,
  watch: Pick<TaskWatch, "signal" | "reason">,
): Promise<T | "overdue"> {
  const settled = new AbortController();
  const overdue = async (): Promise<"overdue"> => {
    await aborted(watch.signal, settled.signal);
    // A drain and a lost claim have their own ways; they end no task.
    if (watch.reason() !== "cancelled") return new Promise<never>(() => undefined);
    await delay(stopGraceMs, undefined, { signal: settled.signal });
    return "overdue";
  };
  const late = overdue();
  late.catch(() => undefined); // Only its own end, when the work was first.
  try {
    return await Promise.race([work, late]);
  } finally {
    settled.abort();
  }
}

async function aborted(signal: AbortSignal, until: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true, signal: until });
  });
}
