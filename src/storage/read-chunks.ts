import type { FileHandle } from "node:fs/promises";
import { readFully } from "./read-fully.ts";

const chunkBytes = 256 * 2 ** 10;

/**
 * Exactly so many bytes from `start` on; throws when the file has less. A chunk is good until the next one is asked for:
 * new memory for each would pile up faster than it is collected.
 */
export async function* readChunks(
  file: FileHandle,
  range: { start?: number; bytes: number },
): AsyncGenerator<Buffer, void> {
  const start = range.start ?? 0;
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, range.bytes));
  for (let done = 0; done < range.bytes; done += chunkBytes) {
    const chunk = buffer.subarray(0, Math.min(chunkBytes, range.bytes - done));
    await readFully(file, chunk, start + done);
    yield chunk;
  }
}
