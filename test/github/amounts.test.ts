import { expect, test } from "vitest";
import {
  formatCount,
  formatDuration,
  formatOrdinal,
  formatPlural,
  formatUsd,
} from "../../src/github/amounts.ts";

test.each([
  [0, "$0.00"],
  [1, "under $0.001"],
  [1_000, "$0.001"],
  [9_400, "$0.009"],
  [9_999, "$0.01"],
  [10_000, "$0.01"],
  [123_456, "$0.12"],
  [995_000, "$1.00"],
  [5_000_000, "$5.00"],
  [1_234_567_890, "$1,234.57"],
  [-2_000_000, "-$2.00"],
])("%i micro-dollars", (amount, text) => {
  expect(formatUsd(amount)).toBe(text);
});

test.each([
  [0, "under 1 s"],
  [499, "under 1 s"],
  [1_000, "1 s"],
  [59_400, "59 s"],
  [59_600, "1 min"],
  [125_000, "2 min 5 s"],
  [600_000, "10 min"],
  [754_000, "12 min"],
  [3_599_900, "1 h"],
  [3_900_000, "1 h 5 min"],
  [-5, "under 1 s"],
])("%i ms", (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test("counts", () => {
  expect([0, 999, 1_000, 1_234_567].map(formatCount)).toEqual(["0", "999", "1,000", "1,234,567"]);
  expect([formatPlural(1, "file"), formatPlural(0, "file")]).toEqual(["1 file", "0 files"]);
  expect([1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(formatOrdinal)).toEqual([
    "1st",
    "2nd",
    "3rd",
    "4th",
    "11th",
    "12th",
    "13th",
    "21st",
    "102nd",
    "111th",
  ]);
});
