import { Gauge, type Registry } from "prom-client";
import type { BillingStats } from "../billing/billing-stats-store.ts";
import { withDeadline } from "./with-deadline.ts";

/** Adds where the charges stand on their way to Stripe; asked for once a scrape, and silent while the database is away. */
export function addBillingMetrics(registry: Registry, read: () => Promise<BillingStats>): void {
  let asked: Promise<BillingStats | null> | null = null;
  const readOnce = () =>
    (asked ??= withDeadline(read(), 2_000)
      .catch(() => null)
      .finally(() => (asked = null)));
  const add = (name: string, help: string, valueOf: (stats: BillingStats) => number) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        this.reset();
        const stats = await readOnce();
        if (stats !== null) this.set(valueOf(stats));
      },
    });
  add(
    "remote_claude_billing_oldest_charge_seconds",
    "How long the oldest charge that can be sent has waited for Stripe to take it.",
    (stats) => stats.oldestSeconds,
  );
  add(
    "remote_claude_billing_last_delivered_timestamp_seconds",
    "When Stripe last took a charge; 0: never.",
    (stats) => (stats.lastDeliveredAt?.getTime() ?? 0) / 1_000,
  );
  add("remote_claude_billing_paused", "1: nothing is sent, because Stripe does not take the key.", (stats) =>
    Number(stats.paused),
  );
  add(
    "remote_claude_billing_stripe_events",
    "Webhooks of Stripe's that nobody has looked at yet.",
    (stats) => stats.events,
  );
  registry.registerMetric(
    new Gauge({
      name: "remote_claude_billing_charges",
      help: "Charges that Stripe has not taken, by state; reconcile and dead ones want a person.",
      labelNames: ["state"],
      registers: [],
      async collect() {
        this.reset();
        const stats = await readOnce();
        for (const [state, count] of Object.entries(stats?.charges ?? {})) this.set({ state }, count);
      },
    }),
  );
}
