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
  return new Promise((resolve) => {
    const finish = (result: ReadBody) => {
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      held.bytes -= bytes;
      bytes = 0;
      chunks = [];
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      held.bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) finish({ ok: false, reason: "too-large" });
      else if (held.bytes > held.maxBytes) finish({ ok: false, reason: "too-many" });
    };
    const onEnd = () => {
      finish({
        ok: true,
        body: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes),
      });
    };
    const onClose = () => {
      finish({ ok: false, reason: "aborted" });
    };
    request.on("data", onData).on("end", onEnd).on("close", onClose);
  });
}

/** How large the sender says the body is; null when it does not say. */
export function declaredLength(request: IncomingMessage): number | null {
  const value = request.headers["content-length"];
  return value === undefined ? null : Number(value);
}
