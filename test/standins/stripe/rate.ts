import { member, members, text } from "./json.ts";
import type { JsonObject } from "./json.ts";

/** A line of an invoice: `amount` in minor units, rounded half up once. */
export type RatedLine = { quantity: number; amount: number; unitAmount: string | null; note: string };

const scale = 10n ** 12n;

/** Prices the units from `billed` (already invoiced) up to `total`; graduated tiers make a line each. */
export function rate(price: JsonObject, total: number, billed: number): RatedLine[] {
  if (price["billing_scheme"] !== "tiered") {
    const unit = price["unit_amount_decimal"];
    const quantity = total - billed;
    return [line(quantity, decimal(unit) * BigInt(quantity), typeof unit === "string" ? unit : null, "")];
  }
  if (price["tiers_mode"] === "volume") {
    const amount = volume(price, total) - volume(price, billed);
    return [line(total - billed, amount, null, "")];
  }
  let start = 0;
  const lines = members(price, "tiers").flatMap((tier, index): RatedLine[] => {
    const end = typeof tier["up_to"] === "number" ? tier["up_to"] : Number.POSITIVE_INFINITY;
    const [from, to] = [Math.max(start, billed), Math.min(end, total)];
    const isEntered = billed <= start && (to > start || (index === 0 && total === 0));
    start = end;
    if (to <= from && !isEntered) return [];
    const unit = tier["unit_amount_decimal"];
    const flat = isEntered ? decimal(tier["flat_amount_decimal"]) : 0n;
    const quantity = Math.max(0, to - from);
    const told = typeof unit === "string" ? unit : null;
    return [line(quantity, decimal(unit) * BigInt(quantity) + flat, told, ` (tier ${index + 1})`)];
  });
  return lines.length > 0 ? lines : [line(0, 0n, null, "")];
}

/** In what interval a price recurs. */
export function intervalOf(price: JsonObject): { interval: string; count: number } {
  const recurring = member(price, "recurring");
  return { interval: text(recurring, "interval"), count: Number(recurring["interval_count"]) };
}

export function isMetered(price: JsonObject): boolean {
  return member(price, "recurring")["usage_type"] === "metered";
}

function volume(price: JsonObject, total: number): bigint {
  const tiers = members(price, "tiers");
  const tier = tiers.find(({ up_to: upTo }) => typeof upTo !== "number" || total <= upTo);
  if (tier === undefined || total === 0) return 0n;
  return decimal(tier["unit_amount_decimal"]) * BigInt(total) + decimal(tier["flat_amount_decimal"]);
}

function line(quantity: number, scaled: bigint, unitAmount: string | null, note: string): RatedLine {
  const negative = scaled < 0n;
  const absolute = negative ? -scaled : scaled;
  const rounded = (absolute + scale / 2n) / scale;
  return { quantity, amount: Number(negative ? -rounded : rounded), unitAmount, note };
}

function decimal(value: unknown): bigint {
  if (typeof value !== "string") return 0n;
  const [whole = "0", places = ""] = value.replace("-", "").split(".");
  const scaled = BigInt(whole) * scale + BigInt(places.padEnd(12, "0").slice(0, 12));
  return value.startsWith("-") ? -scaled : scaled;
}
