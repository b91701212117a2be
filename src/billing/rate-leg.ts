import type { RateCard } from "../usage/rate-cards.ts";

/** What a leg used at the vendors' prices, micro-USD. */
export type LegCost = { modelMicroUsd: number; machineMicroUsd: number };

export type LegPrice = {
  costMicroUsd: number;
  /** With the margins, rounded half up once. */
  priceMicroUsd: number;
  /** The same in whole cents, rounded half up once from the exact sum and not from the rounded one. */
  amountCents: number;
};

/** A cost times a margin is in hundredths of a percent of a micro-USD. */
const scale = 10_000n;
const centScale = scale * 10_000n;

/**
 * What a leg is worth: each cost with its margin, added up and rounded once. `margins` off: nobody is billed, so a price is the
 * cost. An account's own model key takes the margin off tokens. Throws a RangeError for a cost that is no whole number from 0 up.
 */
export function rateLeg(
  card: Pick<RateCard, "margins">,
  cost: LegCost,
  { margins, ownModelKey }: { margins: boolean; ownModelKey: boolean },
): LegPrice {
  const tokensBps = margins && !ownModelKey ? card.margins.tokensBps : 0;
  const machinesBps = margins ? card.margins.machinesBps : 0;
  const exact =
    whole(cost.modelMicroUsd) * (scale + BigInt(tokensBps)) +
    whole(cost.machineMicroUsd) * (scale + BigInt(machinesBps));
  return {
    costMicroUsd: toNumber(whole(cost.modelMicroUsd) + whole(cost.machineMicroUsd)),
    priceMicroUsd: toNumber((exact + scale / 2n) / scale),
    amountCents: toNumber((exact + centScale / 2n) / centScale),
  };
}

function whole(amount: number): bigint {
  if (!Number.isSafeInteger(amount) || amount < 0)
    throw new RangeError(`Expected a whole number of micro-USD from 0 up, got ${amount}`);
  return BigInt(amount);
}

function toNumber(amount: bigint): number {
  if (amount > BigInt(Number.MAX_SAFE_INTEGER))
    throw new RangeError(`Expected an amount below ${Number.MAX_SAFE_INTEGER}, got ${amount}`);
  return Number(amount);
}
