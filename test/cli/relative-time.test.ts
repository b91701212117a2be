import { expect, test } from "vitest";
import { formatAge } from "../../src/cli/relative-time.ts";

const now = new Date("2026-11-22T12:00:00Z");

test.each([
  [-5_000, "just now"],
  [999, "just now"],
  [1_000, "1 s ago"],
  [119_999, "119 s ago"],
  [120_000, "2 min ago"],
  [7_199_999, "119 min ago"],
  [7_200_000, "2 h ago"],
  [172_799_999, "47 h ago"],
  [172_800_000, "2 d ago"],
  [86_400_000 * 400, "400 d ago"],
])("%i ms ago is %j", (ageMs, words) => {
  expect(formatAge(new Date(now.getTime() - ageMs), now)).toBe(words);
});
