import { createHash } from "node:crypto";
import type { MessagesRequest, Usage } from "./messages-request.ts";

type Segment = { hash: string; tokens: number; ttl: "5m" | "1h" | null };

/** About four bytes to a token, as English and code come out. */
export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

/**
 * Counts a request's input the way the API's prompt cache does: what an earlier request left behind is read, what lies
 * before the last breakpoint is written, the rest is plain input.
 */
export class PromptCache {
  readonly #known = new Set<string>();

  /** Input side of the usage; output_tokens is 0. */
  count(body: MessagesRequest): Usage {
    const segments = toSegments(body);
    const breakpoint = segments.findLastIndex((segment) => segment.ttl !== null);
    const hit = segments.findLastIndex(
      (segment, index) => index <= breakpoint && this.#known.has(segment.hash),
    );
    const read = sum(segments.slice(0, hit + 1));
    const written = sum(segments.slice(hit + 1, breakpoint + 1));
    for (const segment of segments.slice(0, breakpoint + 1)) this.#known.add(segment.hash);
    const oneHour = segments[breakpoint]?.ttl === "1h";
    return {
      input_tokens: sum(segments.slice(breakpoint + 1)),
      output_tokens: 0,
      cache_creation_input_tokens: written,
      cache_read_input_tokens: read,
      cache_creation: {
        ephemeral_5m_input_tokens: oneHour ? 0 : written,
        ephemeral_1h_input_tokens: oneHour ? written : 0,
      },
    };
  }
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((total, segment) => total + segment.tokens, 0);
}

/** One segment for tools and system, one for each message; each hash covers everything up to it. */
function toSegments(body: MessagesRequest): Segment[] {
  const parts: unknown[] = [{ tools: body.tools, system: body.system }, ...body.messages];
  const running = createHash("sha256").update(body.model);
  return parts.map((part) => {
    let ttl: Segment["ttl"] = null;
    const text = JSON.stringify(part, (key, value: unknown) => {
      if (key !== "cache_control" || value === null || value === undefined) return value;
      ttl = JSON.stringify(value).includes('"1h"') ? "1h" : "5m";
      return undefined;
    });
    running.update(text);
    return { hash: running.copy().digest("hex"), tokens: countTokens(text), ttl };
  });
}
