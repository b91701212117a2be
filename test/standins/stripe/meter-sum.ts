import { member, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { World } from "./world.ts";

/** What a meter counted for a customer from `from` (seconds, included) to `to` (excluded); `lagged` as summaries see it. */
export function aggregate(
  world: World,
  question: { meter: JsonObject; customer: string; from: number; to: number; lagged: boolean },
): { count: number; value: number } {
  const { meter, customer, from, to, lagged } = question;
  const seenMs = lagged ? world.clock.nowMs() - world.meterLagMs : Number.POSITIVE_INFINITY;
  const values = world.meterEvents
    .filter(
      (one) =>
        !one.cancelled &&
        one.counted?.meter === meter["id"] &&
        one.counted?.customer === customer &&
        one.timestamp >= from &&
        one.timestamp < to &&
        one.receivedMs <= seenMs,
    )
    .toSorted((a, b) => a.timestamp - b.timestamp)
    .map((one) => one.counted?.value ?? 0);
  const formula = text(member(meter, "default_aggregation"), "formula");
  const sum = values.reduce((total, value) => total + value, 0);
  const value = formula === "count" ? values.length : formula === "last" ? (values.at(-1) ?? 0) : sum;
  return { count: values.length, value };
}
