import type { IncomingMessage } from "node:http";

/** Memory that all bodies of one gateway share, so that an agent cannot fill the worker's. */
export type BodyMemory = { freeBytes: number };

export type ReadBody = { ok: true; body: Buffer } | { ok: false; reason: "too-large" | "no-memory" };

/** Reads a request's body into the shared memory; who gets one gives `body.length` back when done with it. */
export async function readRequestBody(
  request: IncomingMessage,
  { memory, maxBytes }: { memory: BodyMemory; maxBytes: number },
): Promise<ReadBody> {
  const parts: Buffer[] = [];
  let byteLength = 0;
  let read = false;
  try {
    // A refusal is still to be answered on this connection.
    const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
    for await (const part of chunks) {
      if (byteLength + part.length > maxBytes) return { ok: false, reason: "too-large" };
      if (part.length > memory.freeBytes) return { ok: false, reason: "no-memory" };
      byteLength += part.length;
      memory.freeBytes -= part.length;
      parts.push(part);
    }
    read = true;
    return { ok: true, body: Buffer.concat(parts) };
  } finally {
    if (!read) memory.freeBytes += byteLength;
  }
}
