import { z } from "zod";
import { pino } from "pino";
import { openQueue } from "../../src/queue/queue.ts";

/** The worker of the queue benchmark: tells its parent by IPC of each job that has started, and does nothing else. */
const { DATABASE_URL } = z.object({ DATABASE_URL: z.string() }).parse(process.env);

const startedAt = () => performance.timeOrigin + performance.now();
const tell = (job: string, id: string) => {
  process.send?.({ job, id, at: startedAt() });
  return Promise.resolve();
};
const nothing = () => Promise.resolve();

const queue = await openQueue({ url: DATABASE_URL, log: pino({ level: "silent" }) });
process.on("message", (message) => {
  if (message === "work") void work();
  if (message === "stop") void queue.stop({ timeoutMs: 1_000 }).then(() => process.disconnect());
});
process.send?.("ready");

async function work(): Promise<void> {
  await queue.work(
    {
      intake: ({ deliveryId }) => tell("intake", deliveryId),
      "run-task": ({ taskId }) => tell("run-task", taskId),
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
      "pause-idle": nothing,
      "expire-checkpoints": nothing,
      "expire-deliveries": nothing,
      "missed-deliveries": nothing,
      reap: nothing,
    },
    { concurrency: 4 },
  );
  process.send?.("working");
}
