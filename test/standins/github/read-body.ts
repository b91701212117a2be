import type { IncomingMessage } from "node:http";

const maxBodyBytes = 32 * 1024 * 1024;

/** The whole body of a request; rejects above 32 MiB. */
export async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBodyBytes) throw new Error(`Expected a body of at most ${maxBodyBytes} bytes, got more.`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
