import { formatPlural } from "../../github/amounts.ts";
import type { Logger } from "../../log.ts";
import { openQueue } from "../../queue/queue.ts";
import { ok, warn, type CheckResult } from "./check.ts";

/** A job that is ready is fetched within seconds as long as a worker runs. */
const longWaitSeconds = 120;

/** Whether the queues of this release exist, and whether somebody works them off. */
export async function checkQueue(input: { url: string; log: Logger }): Promise<CheckResult> {
  const queue = await openQueue({ ...input, mode: "send" });
  try {
    const stats = Object.entries(await queue.stats());
    const ready = stats.reduce((sum, [, { ready: count }]) => sum + count, 0);
    const active = stats.reduce((sum, [, { active: count }]) => sum + count, 0);
    const counts = `${stats.length} queues, ${formatPlural(ready, "job")} ready, ${active} under way`;
    const stuck = stats.filter(([, { oldestReadySeconds }]) => oldestReadySeconds > longWaitSeconds);
    if (stuck.length === 0) return ok(counts);
    return warn(
      `${counts}; ${stuck.map(([name, { oldestReadySeconds }]) => `${name} has waited ${oldestReadySeconds} s`).join(", ")}`,
      "Look whether a worker runs and has room (WORKER_CONCURRENCY).",
    );
  } finally {
    await queue.stop();
  }
}
