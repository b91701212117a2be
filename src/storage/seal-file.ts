import { createCipheriv } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { checkKey, chunkBytes, deriveCipher, headerBytes, makeHeader, tagBytes } from "./seal-format.ts";
import type { ChunkCipher } from "./seal-format.ts";
import { giveBack } from "./give-back.ts";
import { readFully } from "./read-fully.ts";
import { writeFully } from "./write-fully.ts";
import { writeThenMove } from "./write-then-move.ts";

export type SealInput = {
  /** 32 bytes. */
  key: Buffer;
  /** The name under which it will be stored; it opens under no other one. */
  context: string;
  sourcePath: string;
  targetPath: string;
};

/** Encrypts a file into another one, in constant memory; resolves with the size of the sealed file. */
export async function sealFile(input: SealInput): Promise<{ bytes: number }> {
  checkKey(input.key);
  const header = makeHeader(input.key);
  const cipher = deriveCipher(input.key, header, input.context);
  const source = await open(input.sourcePath, "r");
  try {
    const { size } = await source.stat();
    return await writeThenMove(input.targetPath, async (target) => {
      await writeFully(target, header);
      return { bytes: headerBytes + (await sealChunks({ source, size, target, cipher })) };
    });
  } finally {
    await source.close();
  }
}

async function sealChunks(input: {
  source: FileHandle;
  size: number;
  target: FileHandle;
  cipher: ChunkCipher;
}): Promise<number> {
  const count = Math.max(1, Math.ceil(input.size / chunkBytes));
  const plain = Buffer.allocUnsafe(Math.min(chunkBytes, input.size));
  for (let index = 0; index < count; index += 1) {
    const start = index * chunkBytes;
    const chunk = plain.subarray(0, Math.min(chunkBytes, input.size - start));
    await readFully(input.source, chunk, start);
    for (const piece of sealChunk(input.cipher, chunk, index, index === count - 1)) {
      await writeFully(input.target, piece);
      giveBack(piece);
    }
  }
  return input.size + count * tagBytes;
}

function sealChunk(cipher: ChunkCipher, chunk: Buffer, index: number, isLast: boolean): Buffer[] {
  const gcm = createCipheriv("aes-256-gcm", cipher.key, cipher.nonce(index, isLast));
  gcm.setAAD(cipher.authenticated);
  return [gcm.update(chunk), gcm.final(), gcm.getAuthTag()];
}
