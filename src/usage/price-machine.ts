import type { RateCard } from "./rate-cards.ts";

export type MachineTime = { provider: string; vcpus: number; memoryMib: number; durationMs: number };

/** A GiB has 1024 MiB, a second 1000 ms, a micro-USD 1000 nano-USD. */
const divisor = 1_024n * 1_000n * 1_000n;

/**
 * What the provider asks for a machine's time, in whole micro-USD, rounded half up once. Throws a RangeError for an amount that is
 * no whole number from zero up, and for a provider that the card does not have: nothing is used at an unknown price.
 */
export function priceMachine(card: RateCard, time: MachineTime): number {
  const rates = card.machines.get(time.provider);
  if (rates === undefined)
    throw new RangeError(
      `Expected a provider of rate card ${card.version} (${[...card.machines.keys()].join(", ")}), got ${time.provider}`,
    );
  const perSecond =
    whole(time.vcpus) * BigInt(rates.vcpuSecondNanoUsd) * 1_024n +
    whole(time.memoryMib) * BigInt(rates.gibSecondNanoUsd);
  return Number((perSecond * whole(time.durationMs) + divisor / 2n) / divisor);
}

function whole(amount: number): bigint {
  if (!Number.isSafeInteger(amount) || amount < 0)
    throw new RangeError(`Expected a whole number from 0 up, got ${amount}`);
  return BigInt(amount);
}
