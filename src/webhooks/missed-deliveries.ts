import type { Db } from "../../db/client.ts";
import type { Clock } from "../clock.ts";
import type { AppDeliveries, AppDelivery } from "../github/app-deliveries.ts";
import type { Logger } from "../log.ts";
import { mayAsk } from "./business-key.ts";
import { classifyDelivery } from "./classify-delivery.ts";
import { listKnownDeliveries } from "./delivery-store.ts";
import { packPayload, type DeliveryStore } from "./intake-store.ts";
import { findWatermark, recordWatermark } from "./watermark-store.ts";

const watermarkName = "missed-deliveries";
/** GitHub lists a delivery some time after it was made. */
const overlapMs = 10 * 60_000;
/** What GitHub can still send again. */
const maxLookBackMs = 3 * 86_400_000;
/** Guards against a cursor that never ends: 100,000 deliveries. */
const maxPages = 1_000;

export type MissedDeliveriesDeps = {
  deliveries: AppDeliveries;
  system: Db;
  store: DeliveryStore;
  clock: Clock;
  log: Logger;
};

export type RecoveryReport = {
  listed: number;
  recovered: number;
  /** GitHub was asked to send them again, because it no longer shows their bodies. */
  redelivered: number;
};

/**
 * Looks through the App's delivery list for webhooks that never arrived and stores them as if they had. Our own
 * table tells what arrived, not GitHub's status. It needs no public URL, so it serves as a pull mode too.
 * The first round of a new database looks back only as far as the overlap, so that nothing is done twice.
 */
export async function recoverMissedDeliveries(
  deps: MissedDeliveriesDeps,
  options: { signal?: AbortSignal } = {},
): Promise<RecoveryReport> {
  const startedAt = deps.clock.now();
  const since = await findStart(deps, startedAt);
  const report: RecoveryReport = { listed: 0, recovered: 0, redelivered: 0 };
  let cursor: string | null = null;
  for (let page = 0; ; page += 1) {
    options.signal?.throwIfAborted();
    const { deliveries, next } = await deps.deliveries.listDeliveries(cursor);
    const recent = deliveries.filter(({ deliveredAt }) => deliveredAt >= since);
    report.listed += recent.length;
    await recoverPage(deps, recent, report, options.signal);
    if (next === null || recent.length < deliveries.length) break;
    if (page + 1 >= maxPages || next === cursor) {
      throw new Error(
        `the App's delivery list did not end after ${page + 1} pages, searching back to ${since.toISOString()}`,
      );
    }
    cursor = next;
  }
  await recordWatermark(deps.system, watermarkName, startedAt.toISOString());
  return report;
}

async function findStart(deps: MissedDeliveriesDeps, now: Date): Promise<Date> {
  const value = await findWatermark(deps.system, watermarkName);
  const watermark = value === null ? now.getTime() : Date.parse(value);
  return new Date(Math.max(watermark - overlapMs, now.getTime() - maxLookBackMs));
}

async function recoverPage(
  deps: MissedDeliveriesDeps,
  page: readonly AppDelivery[],
  report: RecoveryReport,
  signal: AbortSignal | undefined,
): Promise<void> {
  const newest = new Map<string, AppDelivery>();
  for (const delivery of page) {
    if (mayAsk(delivery.event, delivery.action) && !newest.has(delivery.guid))
      newest.set(delivery.guid, delivery);
  }
  for (const { id, diedAt } of await listKnownDeliveries(deps.system, [...newest.keys()])) {
    // A person redelivered what had died here: that is a wish to see it done.
    const again = newest.get(id);
    if (diedAt === null || again?.redelivery !== true || again.deliveredAt <= diedAt) newest.delete(id);
  }
  for (const delivery of newest.values()) {
    signal?.throwIfAborted();
    await recoverOne(deps, delivery, report);
  }
}

async function recoverOne(
  deps: MissedDeliveriesDeps,
  delivery: AppDelivery,
  report: RecoveryReport,
): Promise<void> {
  const facts = { deliveryId: delivery.guid, event: delivery.event, action: delivery.action };
  const body = await deps.deliveries.getDelivery(delivery.id);
  if (body === null) {
    await deps.deliveries.redeliver(delivery.id);
    report.redelivered += 1;
    deps.log.info({ ...facts, outcome: "redelivered" }, "missed delivery");
    return;
  }
  const classified = classifyDelivery({ event: delivery.event, body, now: deps.clock.now() });
  if (!classified.ok) {
    deps.log.warn(
      { ...facts, outcome: "refused", reason: classified.reason, detail: classified.detail },
      "missed delivery",
    );
    return;
  }
  const { intake, ...stored } = classified.facts;
  const payload = await packPayload(Buffer.from(JSON.stringify(body)));
  const row = {
    ...stored,
    id: delivery.guid,
    payload,
    source: "recovered" as const,
    makesJob: intake !== "asks-nothing",
  };
  const [outcome] = await deps.store.store([row]);
  if (outcome !== "duplicate") report.recovered += 1;
  deps.log.info({ ...facts, outcome: outcome === "duplicate" ? outcome : intake }, "missed delivery");
}
