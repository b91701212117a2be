import fc from "fast-check";
import { expect, test } from "vitest";
import { rateLeg } from "../../src/billing/rate-leg.ts";
import { rateCards } from "../../src/usage/rate-cards.ts";

const card = { margins: { tokensBps: 2_000, machinesBps: 3_000 } };
const on = { margins: true, ownModelKey: false };
const rate = (modelMicroUsd: number, machineMicroUsd = 0, terms: Partial<typeof on> = {}) =>
  rateLeg(card, { modelMicroUsd, machineMicroUsd }, { ...on, ...terms });

test.each([
  [rate(1_420_000, 70_000), { costMicroUsd: 1_490_000, priceMicroUsd: 1_795_000, amountCents: 180 }],
  [rate(0), { costMicroUsd: 0, priceMicroUsd: 0, amountCents: 0 }],
  // 4,166 × 1.2 = 4,999.2 is below half a cent, 4,167 × 1.2 = 5,000.4 is above.
  [rate(4_166), { priceMicroUsd: 4_999, amountCents: 0 }],
  [rate(4_167), { priceMicroUsd: 5_000, amountCents: 1 }],
  // 4,999.5 rounds up to 5,000 micro-USD, and is still less than half a cent.
  [rate(0, 4_999, { margins: true }), { priceMicroUsd: 6_499, amountCents: 1 }],
  [rate(1_000_000, 1_000_000, { ownModelKey: true }), { priceMicroUsd: 2_300_000, amountCents: 230 }],
  [rate(1_000_000, 1_000_000, { margins: false }), { priceMicroUsd: 2_000_000, amountCents: 200 }],
  [rate(14_999, 0, { margins: false }), { amountCents: 1 }],
  [rate(15_000, 0, { margins: false }), { amountCents: 2 }],
])("%#", (price, expected) => expect(price).toMatchObject(expected));

test("cents are rounded from the exact sum, not from the rounded one", () => {
  const odd = { margins: { tokensBps: 1, machinesBps: 0 } };
  // 4,999 × 1.0001 = 4,999.4999: 4,999 micro-USD; 4,999.5 and more would be 5,000 and still no cent.
  expect(rateLeg(odd, { modelMicroUsd: 4_999, machineMicroUsd: 0 }, on)).toMatchObject({
    priceMicroUsd: 4_999,
    amountCents: 0,
  });
  const half = { margins: { tokensBps: 3, machinesBps: 0 } };
  expect(rateLeg(half, { modelMicroUsd: 4_998, machineMicroUsd: 0 }, on)).toMatchObject({
    priceMicroUsd: 4_999,
    amountCents: 0,
  });
  const almost = { margins: { tokensBps: 2, machinesBps: 0 } };
  expect(rateLeg(almost, { modelMicroUsd: 4_999, machineMicroUsd: 0 }, on)).toMatchObject({
    priceMicroUsd: 5_000,
    amountCents: 0,
  });
});

test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("a cost of %d is refused", (cost) => {
  expect(() => rate(cost)).toThrow(RangeError);
  expect(() => rate(0, cost)).toThrow(RangeError);
});

test("no drift over 100,000 random tasks: each is off by half a cent at most, and all together by next to nothing", () => {
  const random = seeded(20_261_123);
  const [published] = rateCards;
  const n = 100_000;
  let cents = 0n;
  let exact = 0n;
  let priced = 0n;
  for (let task = 0; task < n; task++) {
    // From nothing to $50, most of it small, as tasks are.
    const modelMicroUsd = Math.floor(50_000_000 * random() ** 4);
    const machineMicroUsd = Math.floor(500_000 * random() ** 2);
    const price = rateLeg(published, { modelMicroUsd, machineMicroUsd }, on);
    const own = BigInt(modelMicroUsd) * 12_000n + BigInt(machineMicroUsd) * 13_000n;
    const off = BigInt(price.amountCents) * 100_000_000n - own;
    expect(off <= 50_000_000n && off > -50_000_000n).toBe(true);
    cents += BigInt(price.amountCents);
    priced += BigInt(price.priceMicroUsd);
    exact += own;
  }
  // The sum of the receipts against the exact sum: 4 standard deviations of n roundings (0.29 cents each) is 365 cents.
  const driftCents = Number(cents * 100_000_000n - exact) / 100_000_000;
  expect(Math.abs(driftCents)).toBeLessThan(4 * Math.sqrt(n / 12));
  // In micro-USD all of them together are off by less than one cent.
  expect(Math.abs(Number(priced * 10_000n - exact) / 10_000)).toBeLessThan(10_000);
});

test("a dearer leg never costs less, and the parts of a leg never cost more than a cent beside the whole", () => {
  const cost = fc.nat({ max: 100_000_000 });
  fc.assert(
    fc.property(cost, cost, cost, (a, b, more) => {
      const whole = rate(a, b);
      expect(rate(a + more, b).amountCents).toBeGreaterThanOrEqual(whole.amountCents);
      expect(
        Math.abs(rate(a, 0).amountCents + rate(0, b).amountCents - whole.amountCents),
      ).toBeLessThanOrEqual(1);
    }),
    { numRuns: 1_000 },
  );
});

/** Mulberry32: the same tasks in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
