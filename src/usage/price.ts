import { findRates, type Rates } from "./rate-card.ts";

/** Tokens of one model call; the kinds do not overlap. */
export type TokenCounts = {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
};

const million = 1_000_000n;

/**
 * What a call costs at list price, in whole micro-USD, rounded half up once for the call. Throws a RangeError for a
 * count that is not a whole number from zero up.
 */
export function priceCall({ model, tokens }: { model: string; tokens: TokenCounts }): number {
  const entry = findRates(model);
  const prompt =
    tokens.inputTokens + tokens.cacheReadTokens + tokens.cacheWrite5mTokens + tokens.cacheWrite1hTokens;
  const { longPrompt } = entry;
  const rates = longPrompt !== undefined && prompt > longPrompt.abovePromptTokens ? longPrompt : entry;
  return toMicroUsd(rates, tokens);
}

function toMicroUsd(rates: Rates, tokens: TokenCounts): number {
  const total =
    share(tokens.inputTokens, rates.input) +
    share(tokens.outputTokens, rates.output) +
    share(tokens.cacheReadTokens, rates.cacheRead) +
    share(tokens.cacheWrite5mTokens, rates.cacheWrite5m) +
    share(tokens.cacheWrite1hTokens, rates.cacheWrite1h);
  return Number((total + million / 2n) / million);
}

/** In millionths of a micro-USD: a rate in USD per million tokens is micro-USD per token, with six decimals kept. */
function share(tokens: number, usdPerMillion: number): bigint {
  if (!Number.isSafeInteger(tokens) || tokens < 0) {
    throw new RangeError(`Expected a whole number of tokens from 0 up, got ${tokens}`);
  }
  return BigInt(tokens) * BigInt(Math.round(usdPerMillion * 1_000_000));
}
