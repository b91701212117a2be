import { createHmac, timingSafeEqual } from "node:crypto";

/** How far the time in a signature may be from ours, either way: Stripe's own tolerance. */
const toleranceMs = 300_000;

/**
 * Whether one of the secrets signed exactly these bytes, lately. While a secret is rotated Stripe signs with both, and we may know
 * both; the secret of every endpoint counts.
 */
export function isSignedByStripe(
  body: Buffer,
  { header, secrets, now }: { header: string | undefined; secrets: readonly string[]; now: Date },
): boolean {
  const parts = (header ?? "").split(",").map((part) => part.trim().split("=", 2));
  const times = parts.flatMap(([name, value]) => (name === "t" && value !== undefined ? [value] : []));
  const [time] = times;
  if (times.length !== 1 || time === undefined || !/^\d{1,12}$/.test(time)) return false;
  if (Math.abs(now.getTime() - Number(time) * 1000) > toleranceMs) return false;
  const given = parts.flatMap(([name, value]) =>
    name === "v1" && value !== undefined && /^[0-9a-f]{64}$/.test(value) ? [Buffer.from(value, "hex")] : [],
  );
  return secrets
    .filter((secret) => secret !== "")
    .map((secret) => createHmac("sha256", secret).update(`${time}.`).update(body).digest())
    .some((ours) => given.some((theirs) => timingSafeEqual(ours, theirs)));
}
