import type { IncomingMessage } from "node:http";
import type { BodyShare } from "./body-memory.ts";

export type ReadBody = { ok: true; body: Buffer } | { ok: false; reason: "too-large" | "no-memory" };

/** Reads a request's body into the memory there is for it; who gets one gives `body.length` back when done with it. */
export async function readRequestBody(
  request: IncomingMessage,
  { memory, maxBytes }: { memory: BodyShare; maxBytes: number },
): Promise<ReadBody> {
  const parts: Buffer[] = [];
  let byteLength = 0;
  let read = false;
  try {
    // A refusal is still to be answered on this connection.
    const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
    for await (const part of chunks) {
      if (byteLength + part.length > maxBytes) return { ok: false, reason: "too-large" };
      if (!memory.take(part.length)) return { ok: false, reason: "no-memory" };
      byteLength += part.length;
      parts.push(part);
    }
    read = true;
    return { ok: true, body: Buffer.concat(parts) };
  } finally {
    if (!read) memory.give(byteLength);
  }
}
