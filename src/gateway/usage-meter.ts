import { z } from "zod";
import type { TokenCounts } from "./gateway-deps.ts";
import { LineSplitter, type Line } from "./line-splitter.ts";

/** What an answer said about its tokens so far. */
export type Reading =
  /** All of it was seen. */
  | { kind: "complete"; tokens: TokenCounts }
  /** It began and broke off: the output is what was counted or, where that is more, what the bytes come to. */
  | { kind: "partial"; tokens: TokenCounts }
  /** Nothing about tokens was seen. */
  | { kind: "none" };

export type UsageMeter = { push(chunk: Uint8Array): void; read(): Reading };

const count = z.number().int().nonnegative().nullish();
const usageFields = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
  cache_creation: z.object({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count }).nullish(),
});
type UsageFields = z.infer<typeof usageFields>;

const streamEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("message_start"), message: z.object({ usage: usageFields }) }),
  z.object({ type: z.literal("message_delta"), usage: usageFields }),
  z.object({ type: z.literal("message_stop") }),
]);
const wholeMessage = z.object({ type: z.literal("message"), usage: usageFields });

const noTokens: TokenCounts = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
};

/** `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}` without its text. */
const deltaFrameBytes = 88;
const bytesPerToken = 4;
/** Larger than any answer of the API; one that is not is taken as unreadable. */
const maxJsonBytes = 32 * 1024 * 1024;

/** Reads token counts out of an answer as it passes by; null for an answer whose form is not known. */
export function createUsageMeter(contentType: string | undefined): UsageMeter | null {
  if (contentType?.startsWith("text/event-stream") === true) return createStreamMeter();
  if (contentType?.startsWith("application/json") === true) return createJsonMeter();
  return null;
}

function createStreamMeter(): UsageMeter {
  let tokens: TokenCounts | null = null;
  let spokenTokens = 0;
  let complete = false;
  const lines = new LineSplitter((line) => {
    spokenTokens += countSpoken(line);
    const event = parseEvent(line);
    if (event === null) return;
    if (event.type === "message_stop") complete = true;
    else tokens = most(tokens, toTokens(event.type === "message_start" ? event.message.usage : event.usage));
  });
  return {
    push: (chunk) => lines.push(chunk),
    read: () => {
      if (tokens === null) return { kind: "none" };
      if (complete) return { kind: "complete", tokens };
      const outputTokens = Math.max(tokens.outputTokens, spokenTokens);
      return { kind: "partial", tokens: { ...tokens, outputTokens } };
    },
  };
}

function countSpoken({ text, byteLength }: Line): number {
  if (text?.startsWith("data:") === false || text?.includes('"content_block_delta"') === false) return 0;
  return Math.max(1, Math.ceil((byteLength - deltaFrameBytes) / bytesPerToken));
}

/** Inside JSON text a quote is escaped, so the name of an event between two plain quotes is never the model's words. */
function parseEvent({ text }: Line): z.infer<typeof streamEvent> | null {
  if (text === null || !text.startsWith("data:") || !/"message_(start|delta|stop)"/.test(text)) return null;
  return parseAs(streamEvent, text.slice("data:".length));
}

function createJsonMeter(): UsageMeter {
  let parts: Uint8Array[] = [];
  let byteLength = 0;
  return {
    push: (chunk) => {
      byteLength += chunk.length;
      if (byteLength <= maxJsonBytes) parts.push(chunk);
      else parts = [];
    },
    read: () => {
      const message = parseAs(wholeMessage, Buffer.concat(parts).toString("utf8"));
      return message === null ? { kind: "none" } : { kind: "complete", tokens: toTokens(message.usage) };
    },
  };
}

function parseAs<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The split of cache writes by their life may be missing; then they are the default, five minutes. */
function toTokens(usage: UsageFields): TokenCounts {
  const written = usage.cache_creation_input_tokens ?? 0;
  const oneHour = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
  const fiveMinutes = usage.cache_creation?.ephemeral_5m_input_tokens ?? 0;
  return {
    inputTokens: usage.input_tokens ?? 0,
    outputTokens: usage.output_tokens ?? 0,
    cacheReadTokens: usage.cache_read_input_tokens ?? 0,
    cacheWrite5mTokens: Math.max(fiveMinutes, written - oneHour, 0),
    cacheWrite1hTokens: oneHour,
  };
}

/** Counts only rise within an answer; a later event may leave some of them out, and the split of cache writes is only in the first. */
function most(before: TokenCounts | null, now: TokenCounts): TokenCounts {
  const a = before ?? noTokens;
  const cacheWrite1hTokens = Math.max(a.cacheWrite1hTokens, now.cacheWrite1hTokens);
  const written = Math.max(
    a.cacheWrite5mTokens + a.cacheWrite1hTokens,
    now.cacheWrite5mTokens + now.cacheWrite1hTokens,
  );
  return {
    inputTokens: Math.max(a.inputTokens, now.inputTokens),
    outputTokens: Math.max(a.outputTokens, now.outputTokens),
    cacheReadTokens: Math.max(a.cacheReadTokens, now.cacheReadTokens),
    cacheWrite5mTokens: written - cacheWrite1hTokens,
    cacheWrite1hTokens,
  };
}
