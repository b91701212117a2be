import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { BillingStats } from "../billing/billing-stats-store.ts";
import { jobNames } from "../queue/jobs.ts";
import type { Queue, QueueStats } from "../queue/queue.ts";
import { addBillingMetrics } from "./billing-metrics.ts";
import { withDeadline } from "./with-deadline.ts";

/** The numbers of one server process, in Prometheus' format. The queue's depth is asked for at each scrape. */
export function createMetrics(deps: {
  queue: Pick<Queue, "stats">;
  /** Null: nobody is billed. */
  readBilling: (() => Promise<BillingStats>) | null;
}) {
  const registry = new Registry();
  const registers = [registry];
  const deliveries = new Counter({
    name: "remote_claude_deliveries_total",
    help: "Requests to the webhook route by outcome.",
    labelNames: ["outcome"],
    registers,
  });
  const intakeSeconds = new Histogram({
    name: "remote_claude_intake_seconds",
    help: "From a webhook's headers to its answer.",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const queueJobs = new Gauge({
    name: "remote_claude_queue_jobs",
    help: "Jobs by queue and state, as the workers last counted them.",
    labelNames: ["queue", "state"],
    registers,
    async collect() {
      this.reset();
      const stats = await withDeadline(deps.queue.stats(), 2_000).catch(() => null);
      if (stats !== null) setDepth(this, stats);
    },
  });
  registry.registerMetric(queueJobs);
  if (deps.readBilling !== null) addBillingMetrics(registry, deps.readBilling);
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    /** One answered request to the webhook route. */
    recordDelivery: (outcome: string, durationMs: number): void => {
      deliveries.inc({ outcome });
      intakeSeconds.observe(durationMs / 1000);
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

function setDepth(gauge: Gauge<"queue" | "state">, stats: Record<string, QueueStats>): void {
  for (const queue of jobNames) {
    const counts = stats[queue];
    if (counts === undefined) continue;
    for (const state of ["ready", "waiting", "active", "failed"] as const)
      gauge.set({ queue, state }, counts[state]);
  }
}
