import fc from "fast-check";
import { expect, test } from "vitest";
import { priceCall, type TokenCounts } from "../../src/usage/price.ts";
import { findRates, rateCard } from "../../src/usage/rate-card.ts";

const none: TokenCounts = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
};
const price = (model: string, tokens: Partial<TokenCounts>) =>
  priceCall({ model, tokens: { ...none, ...tokens } });

test.each([
  ["claude-sonnet-4-5", { inputTokens: 1_000_000 }, 3_000_000],
  ["claude-sonnet-4-5", { outputTokens: 1_000_000 }, 15_000_000],
  ["claude-sonnet-4-5", { cacheReadTokens: 1_000_000 }, 300_000],
  ["claude-sonnet-4-5", { cacheWrite5mTokens: 1_000_000 }, 3_750_000],
  ["claude-sonnet-4-5", { cacheWrite1hTokens: 1_000_000 }, 6_000_000],
  ["claude-opus-4-5", { inputTokens: 7, outputTokens: 11 }, 310],
  // 0.1 micro-USD a token: rounded half up, once for the call.
  ["claude-haiku-5-5", { inputTokens: 4 }, 0],
  ["claude-haiku-5-5", { inputTokens: 5 }, 1],
  ["claude-haiku-5-5", { inputTokens: 3, cacheReadTokens: 20 }, 1],
  ["claude-haiku-5-5", { inputTokens: 14 }, 1],
  ["claude-haiku-5-5", { inputTokens: 15 }, 2],
  // Above 100,000 tokens of prompt, cache included, all of it costs five times as much.
  ["claude-haiku-5-5", { inputTokens: 1, cacheReadTokens: 99_999 }, 1_000],
  ["claude-haiku-5-5", { inputTokens: 1, cacheReadTokens: 100_000 }, 5_001],
  ["claude-haiku-5-5", { outputTokens: 200_000 }, 100_000],
  ["claude-sonnet-4-5", {}, 0],
])("%s %j costs %i micro-USD", (model, tokens, expected) => expect(price(model, tokens)).toBe(expected));

test.each([
  ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
  ["claude-sonnet-4-5-latest", "claude-sonnet-4-5"],
  ["claude-sonnet-4-20250514", "claude-sonnet-4-0"],
  ["claude-opus-4@20250514", "claude-opus-4-0"],
  ["us.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1"],
  ["claude-opus-4-6[1m]", "claude-opus-4-6"],
  ["Claude-Haiku-4-5", "claude-haiku-4-5"],
])("%s is priced as %s", (model, canonical) => expect(findRates(model)).toBe(rateCard.get(canonical)));

test.each(["claude-sonnet-99", "gpt-7", "", "claude-opus-4-1-mini", "__proto__", "constructor"])(
  "an unknown model (%s) costs as much as the dearest of each kind",
  (model) => {
    const rates = findRates(model);
    for (const known of rateCard.values()) {
      expect(rates.input).toBeGreaterThanOrEqual(known.input);
      expect(rates.output).toBeGreaterThanOrEqual(known.output);
      expect(rates.cacheRead).toBeGreaterThanOrEqual(known.cacheRead);
      expect(rates.cacheWrite1h).toBeGreaterThanOrEqual(known.cacheWrite1h);
    }
  },
);

const count = fc.nat({ max: 2_000_000 });
const counts = fc.record({
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWrite5mTokens: count,
  cacheWrite1hTokens: count,
});

test("a price is a whole number, never falls with more tokens, and is off by half a micro-USD at most", () => {
  fc.assert(
    fc.property(fc.constantFrom("claude-sonnet-4-5", "claude-3-5-haiku", "x"), counts, (model, tokens) => {
      const cost = priceCall({ model, tokens });
      const rates = findRates(model);
      const exact =
        tokens.inputTokens * rates.input +
        tokens.outputTokens * rates.output +
        tokens.cacheReadTokens * rates.cacheRead +
        tokens.cacheWrite5mTokens * rates.cacheWrite5m +
        tokens.cacheWrite1hTokens * rates.cacheWrite1h;
      expect(Number.isSafeInteger(cost)).toBe(true);
      expect(Math.abs(cost - exact)).toBeLessThanOrEqual(0.5 + 1e-6);
      expect(
        priceCall({ model, tokens: { ...tokens, outputTokens: tokens.outputTokens + 1 } }),
      ).toBeGreaterThanOrEqual(cost);
    }),
  );
});

test.each([-1, 0.5, Number.NaN, Infinity])("%d tokens are refused", (inputTokens) => {
  expect(() => price("claude-sonnet-4-5", { inputTokens })).toThrow(RangeError);
});
