import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";

type Try = { address: string; token: string | null };

export type TokenTries = {
  /** Whether the address may try a token; one that was good before is always let through. */
  allows(attempt: Try): boolean;
  /** Says how it went; only a bad token takes one of the address's tries. */
  record(attempt: Try, outcome: "good" | "bad"): void;
};

/** So many tokens may be wrong at once, and one more each second; those who tried more wait a minute and a half at most. */
const burst = 30;
const perSecond = 1;
const deepest = -60;

/** Addresses fall into this many buckets by a hash, so no number of them takes more memory; two may have to share one. */
const buckets = 4_096;
const maxFamiliar = 4_096;

/**
 * Bounds how often an address may come with tokens that turn out to be none, so that nobody keeps the database busy with
 * guesses. Tries under way do not count: behind one proxy, many agents begin at once.
 */
export function createTokenTries({ clock }: { clock: Clock }): TokenTries {
  const salt = randomBytes(16);
  const left = new Float64Array(buckets).fill(burst);
  const countedAt = new Float64Array(buckets);
  const familiar = new Set<string>();
  const bucketOf = (address: string) =>
    createHash("sha256").update(salt).update(address).digest().readUInt16BE(0) % buckets;
  const refill = (bucket: number): number => {
    const now = clock.now().getTime();
    const seconds = Math.max(0, now - (countedAt[bucket] ?? 0)) / 1_000;
    const tries = Math.min(burst, (left[bucket] ?? 0) + seconds * perSecond);
    countedAt[bucket] = now;
    left[bucket] = tries;
    return tries;
  };
  return {
    allows: ({ address, token }) => (token !== null && familiar.has(token)) || refill(bucketOf(address)) >= 1,
    record({ address, token }, outcome) {
      if (outcome === "good" && token !== null) {
        familiar.add(token);
        const [oldest] = familiar;
        if (familiar.size > maxFamiliar && oldest !== undefined) familiar.delete(oldest);
        return;
      }
      if (token !== null) familiar.delete(token);
      const bucket = bucketOf(address);
      left[bucket] = Math.max(deepest, refill(bucket) - 1);
    },
  };
}
