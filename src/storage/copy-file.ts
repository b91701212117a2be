import type { FileHandle } from "node:fs/promises";
import { readChunks } from "./read-chunks.ts";
import { writeFully } from "./write-fully.ts";
import { writeThenMove } from "./write-then-move.ts";

/** Copies an open file, whole or not at all; resolves with its size, which is what it had when this began. */
export async function copyFile(
  source: FileHandle,
  targetPath: string,
  options: { durable: boolean },
): Promise<{ bytes: number }> {
  const { size } = await source.stat();
  await writeThenMove(
    targetPath,
    async (target) => {
      for await (const chunk of readChunks(source, { bytes: size })) await writeFully(target, chunk);
    },
    options,
  );
  return { bytes: size };
}
