import type { GatewayDeps, TokenCounts } from "./gateway-deps.ts";
import type { Forwarded } from "./forward-call.ts";
import type { Settlement } from "./model-call-store.ts";
import type { ModelRequest } from "./model-request.ts";

type Call = { request: ModelRequest; reservedMicroUsd: number; forwarded: Forwarded; elapsedMs: number };

/** About the fastest that a model writes; what it wrote unseen is taken to be as much as it had time for. */
const fastestTokensPerSecond = 100;

const noTokens: TokenCounts = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
};

/** The most a call can cost: every token of its prompt written to the cache it asks for, and the longest answer. */
export function priceWorstCase({ priceCall }: Pick<GatewayDeps, "priceCall">, request: ModelRequest): number {
  return priceCall({ model: request.model, tokens: worstCase(request) });
}

function worstCase({ maxInputTokens, maxTokens, cacheTtl }: ModelRequest): TokenCounts {
  return {
    ...noTokens,
    inputTokens: cacheTtl === null ? maxInputTokens : 0,
    cacheWrite5mTokens: cacheTtl === "5m" ? maxInputTokens : 0,
    cacheWrite1hTokens: cacheTtl === "1h" ? maxInputTokens : 0,
    outputTokens: maxTokens,
  };
}

/**
 * What a call took. Counts that were seen are taken as they are; a call that broke off before any came is estimated,
 * so that breaking off is no way to spend unseen; an answer that cannot be read costs what was reserved for it.
 */
export function toSettlement({ priceCall }: Pick<GatewayDeps, "priceCall">, call: Call): Settlement {
  const { forwarded, request } = call;
  if (forwarded.kind === "unsent" || forwarded.kind === "unreachable") return refused(null);
  const settled = (tokens: TokenCounts, httpStatus: number | null): Settlement => ({
    status: "settled",
    tokens,
    costMicroUsd: priceCall({ model: request.model, tokens }),
    httpStatus,
  });
  if (forwarded.kind === "abandoned") return settled(estimate(call), null);
  const { httpStatus, complete, meter } = forwarded;
  if (httpStatus < 200 || httpStatus > 299) return refused(httpStatus);
  const reading = meter?.read() ?? { kind: "none" };
  if (reading.kind !== "none") return settled(reading.tokens, httpStatus);
  if (!complete) return settled(estimate(call), httpStatus);
  return { ...settled(worstCase(request), httpStatus), costMicroUsd: call.reservedMicroUsd };
}

function refused(httpStatus: number | null): Settlement {
  return { status: "refused", tokens: noTokens, costMicroUsd: 0, httpStatus };
}

function estimate({ request, elapsedMs }: Call): TokenCounts {
  return {
    ...noTokens,
    inputTokens: request.likelyInputTokens,
    outputTokens: Math.min(request.maxTokens, Math.ceil((elapsedMs / 1_000) * fastestTokensPerSecond)),
  };
}
