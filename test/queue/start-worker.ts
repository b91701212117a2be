import { pino } from "pino";
import type { JobHandlers } from "../../src/queue/jobs.ts";
import { openQueue, type Queue, type WorkOptions } from "../../src/queue/queue.ts";

export const silent = pino({ level: "silent" });

const nothing = () => Promise.resolve();

/** A worker whose other jobs do nothing. */
export async function startWorker(
  url: string,
  handlers: Partial<JobHandlers>,
  options: Partial<WorkOptions> = {},
): Promise<Queue> {
  const queue = await openQueue({ url, log: silent });
  await queue.work(
    {
      intake: nothing,
      "run-task": nothing,
      "show-places": nothing,
      "report-task": nothing,
      feedback: nothing,
      checks: nothing,
      "checks-later": nothing,
      conflict: nothing,
      "stripe-events": nothing,
      "send-charges": nothing,
      "reconcile-charges": nothing,
      "stop-by-plan": nothing,
      "end-plan": nothing,
      sweep: nothing,
      "missed-deliveries": nothing,
      "pause-idle": nothing,
      "expire-checkpoints": nothing,
      "expire-deliveries": nothing,
      reap: nothing,
      ...handlers,
    },
    { concurrency: 4, ...options },
  );
  return queue;
}
