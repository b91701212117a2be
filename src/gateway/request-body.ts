import type { IncomingMessage } from "node:http";

/** Reads a request's body; null as soon as it is longer than `maxBytes`. */
export async function readRequestBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let byteLength = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    byteLength += part.length;
    if (byteLength > maxBytes) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
