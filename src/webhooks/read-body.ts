import type { IncomingMessage } from "node:http";

export type BodyLimits = {
  maxBytes: number;
  /** Shared by all requests, so that many large bodies at once cannot fill the memory. */
  held: { bytes: number; maxBytes: number };
};

export type ReadBody =
  { ok: true; body: Buffer } | { ok: false; reason: "too-large" | "too-many" | "aborted" };

/** Reads a body into memory, within limits that hold while it streams. What comes after a refusal is dropped unread. */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<ReadBody> {
  const { maxBytes, held } = limits;
  let bytes = 0;
  let chunks: Buffer[] = [];
  let finished = false;
  return new Promise((resolve) => {
    const finish = (result: ReadBody) => {
      if (finished) return;
      finished = true;
      held.bytes -= bytes;
      chunks = [];
      resolve(result);
    };
    request.on("data", (chunk: Buffer) => {
      if (finished) return;
      bytes += chunk.length;
      held.bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) finish({ ok: false, reason: "too-large" });
      else if (held.bytes > held.maxBytes) finish({ ok: false, reason: "too-many" });
    });
    request.on("end", () => finish({ ok: true, body: joined(chunks, bytes) }));
    request.on("close", () => finish({ ok: false, reason: "aborted" }));
  });
}

function joined(chunks: readonly Buffer[], bytes: number): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes);
}

/** How large the sender says the body is; null when it does not say. */
export function declaredLength(request: IncomingMessage): number | null {
  const value = request.headers["content-length"];
  return value === undefined ? null : Number(value);
}
