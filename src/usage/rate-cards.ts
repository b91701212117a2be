import { rateCard as modelPrices202611, type RateCardEntry } from "./rate-card.ts";

/** Nano-USD a second: $0.000014 is 14,000. */
export type MachineRates = { vcpuSecondNanoUsd: number; gibSecondNanoUsd: number };

/** What everything costs and what is added to it, from a day on. A published card never changes: a new one follows it. */
export type RateCard = {
  /** Never used twice; each charge names it. */
  version: string;
  /** It rates what was asked for from then on. */
  from: Date;
  /** The vendor's list prices by model. */
  models: ReadonlyMap<string, RateCardEntry>;
  /** By provider; machines of the operator's own host cost nothing. */
  machines: ReadonlyMap<string, MachineRates>;
  /** What is added to the cost, in hundredths of a percent. An account's own model key takes nothing on tokens. */
  margins: { tokensBps: number; machinesBps: number };
};

/** The oldest first. Machines: E2B's list price (https://e2b.dev/docs/faq/calculate-sandbox-price), taken for Daytona too. */
export const rateCards: readonly [RateCard, ...RateCard[]] = [
  {
    version: "2026-11",
    from: new Date("2026-11-01T00:00:00Z"),
    models: modelPrices202611,
    machines: new Map([
      ["local", { vcpuSecondNanoUsd: 0, gibSecondNanoUsd: 0 }],
      ["e2b", { vcpuSecondNanoUsd: 14_000, gibSecondNanoUsd: 4_500 }],
      ["daytona", { vcpuSecondNanoUsd: 14_000, gibSecondNanoUsd: 4_500 }],
    ]),
    margins: { tokensBps: 2_000, machinesBps: 3_000 },
  },
];

/** The card that was in force at a moment; before the first one the first one. */
export function findRateCard(at: Date, cards: readonly [RateCard, ...RateCard[]] = rateCards): RateCard {
  return cards.findLast(({ from }) => from <= at) ?? cards[0];
}
