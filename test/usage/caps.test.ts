import { expect, test } from "vitest";
import { judgeCaps, reachedShares, type CapUse } from "../../src/usage/caps.ts";

const cap = (values: Partial<CapUse> = {}): CapUse => ({
  ...{ scope: "account", key: "a", period: "2026-11", capMicroUsd: 100, spentMicroUsd: 0, heldMicroUsd: 0 },
  ...values,
});

test.each<[CapUse[], number, object]>([
  [[], 1_000, { ok: true }],
  [[cap()], 100, { ok: true }],
  [[cap()], 101, { ok: false, reason: "spent" }],
  [[cap({ spentMicroUsd: 60 })], 40, { ok: true }],
  [[cap({ spentMicroUsd: 60 })], 41, { ok: false, reason: "spent" }],
  [[cap({ spentMicroUsd: 60, heldMicroUsd: 10 })], 30, { ok: true }],
  [[cap({ spentMicroUsd: 60, heldMicroUsd: 11 })], 30, { ok: false, reason: "held" }],
  [[cap({ spentMicroUsd: 120 })], 0, { ok: false, reason: "spent" }],
  [[cap({ spentMicroUsd: 100 })], 0, { ok: true }],
  // What waiting cannot help comes first.
  [
    [cap({ heldMicroUsd: 100 }), cap({ scope: "session", spentMicroUsd: 100 })],
    1,
    { reason: "spent", use: { scope: "session" } },
  ],
])("%#", (uses, need, expected) => expect(judgeCaps(uses, need)).toMatchObject(expected));

test.each([
  [49, []],
  [50, [50]],
  [79, [50]],
  [80, [50, 80]],
  [100, [50, 80, 100]],
  [250, [50, 80, 100]],
])("%i of 100 reaches %j", (spentMicroUsd, shares) =>
  expect(reachedShares(cap({ spentMicroUsd }))).toEqual(shares),
);

test("no share is reached by a rounding", () => {
  const capMicroUsd = 3;
  expect([1, 2, 3].map((spentMicroUsd) => reachedShares(cap({ capMicroUsd, spentMicroUsd })))).toEqual([
    [],
    [50],
    [50, 80, 100],
  ]);
});
