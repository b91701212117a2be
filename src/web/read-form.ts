import type { IncomingMessage } from "node:http";

const maxBytes = 16_384;

/** The fields of a form as browsers send it; null for any other body, or one that is too large. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams | null> {
  if (request.headers["content-type"]?.split(";")[0]?.trim() !== "application/x-www-form-urlencoded")
    return null;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}
