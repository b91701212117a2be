/** US dollars for a million tokens of each kind. */
export type Rates = {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
};

export type RateCardEntry = Rates & {
  /** Dearer rates for the whole call as soon as its prompt (input and cache together) is longer than this. */
  longPrompt?: Rates & { abovePromptTokens: number };
};

/** Cache writes cost 1.25 × input for five minutes and 2 × input for an hour, for every model so far. */
function rates(input: number, output: number, cacheRead: number): Rates {
  return { input, output, cacheRead, cacheWrite5m: input * 1.25, cacheWrite1h: input * 2 };
}

/**
 * List prices of the Claude API, from the model catalogue inside Claude Code 2.1.330 (`pricing_tiers`), which is what
 * that program's own `total_cost_usd` is computed with.
 */
export const rateCard: ReadonlyMap<string, RateCardEntry> = new Map<string, RateCardEntry>([
  ["claude-3-5-haiku", rates(0.8, 4, 0.08)],
  ["claude-haiku-4-5", rates(1, 5, 0.1)],
  [
    "claude-haiku-5-5",
    {
      ...rates(0.1, 0.5, 0.01),
      longPrompt: { abovePromptTokens: 100_000, ...rates(0.5, 2.5, 0.05) },
    },
  ],
  ["claude-3-5-sonnet", rates(3, 15, 0.3)],
  ["claude-3-7-sonnet", rates(3, 15, 0.3)],
  ["claude-sonnet-4-0", rates(3, 15, 0.3)],
  ["claude-sonnet-4-5", rates(3, 15, 0.3)],
  ["claude-sonnet-4-6", rates(3, 15, 0.3)],
  ["claude-sonnet-5", rates(2, 10, 0.2)],
  ["claude-sonnet-5-5", rates(2, 10, 0.1)],
  ["claude-opus-4-0", rates(15, 75, 1.5)],
  ["claude-opus-4-1", rates(15, 75, 1.5)],
  ["claude-opus-4-5", rates(5, 25, 0.5)],
  ["claude-opus-4-6", rates(5, 25, 0.5)],
  ["claude-opus-4-7", rates(5, 25, 0.5)],
  ["claude-opus-4-8", rates(5, 25, 0.5)],
  ["claude-opus-5", rates(5, 25, 0.5)],
  ["claude-opus-5-5", rates(4, 20, 0.2)],
  ["claude-fable-5", rates(10, 50, 1)],
  ["claude-fable-5-1", rates(10, 50, 0.25)],
  ["claude-fable-5-2", rates(8, 40, 0.2)],
  ["claude-mythos-5", rates(10, 50, 1)],
  ["claude-mythos-5-1", rates(10, 50, 0.25)],
  ["claude-mythos-5-2", rates(8, 40, 0.2)],
]);

const dearest = [...rateCard.values()].reduce<Rates>(
  (most, entry) => ({
    input: Math.max(most.input, entry.input),
    output: Math.max(most.output, entry.output),
    cacheRead: Math.max(most.cacheRead, entry.cacheRead),
    cacheWrite5m: Math.max(most.cacheWrite5m, entry.cacheWrite5m),
    cacheWrite1h: Math.max(most.cacheWrite1h, entry.cacheWrite1h),
  }),
  rates(0, 0, 0),
);

/** The entry of a model by any of its names; a model that the card does not know costs as much as the dearest one. */
export function findRates(model: string): RateCardEntry {
  return rateCard.get(canonicalName(model)) ?? dearest;
}

/** Claude Code's own names for its newest models; which one it takes, and at what price, the gateway sees with each call. */
const aliases = new Set(["haiku", "opus", "sonnet"]);

/** Whether what this model costs is known, so that a task may begin with it. */
export function isPriced(model: string): boolean {
  const name = canonicalName(model);
  return rateCard.has(name) || aliases.has(name);
}

/** us.anthropic.claude-opus-4-1-20250805-v1:0, claude-opus-4-1@20250805, claude-opus-4-1[1m] -> claude-opus-4-1 */
function canonicalName(model: string): string {
  const name = model
    .toLowerCase()
    .replace(/^.*?(?=claude-)/, "")
    .replace(/\[1m\]$/, "")
    .replace(/-v\d+(:\d+)?$/, "")
    .replace(/[-@](\d{8}|latest)$/, "");
  return /^claude-(sonnet|opus)-4$/.test(name) ? `${name}-0` : name;
}
