import { createDecipheriv } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { giveBack } from "./give-back.ts";
import { readFully } from "./read-fully.ts";
import { SealError } from "./seal-error.ts";
import type { ChunkCipher } from "./seal-format.ts";
import {
  checkKey,
  chunkBytes,
  chunkCount,
  deriveCipher,
  findKey,
  headerBytes,
  tagBytes,
} from "./seal-format.ts";
import { writeFully } from "./write-fully.ts";
import { writeThenMove } from "./write-then-move.ts";

export type OpenInput = {
  /** Each 32 bytes; the one that sealed the file is found by its fingerprint. */
  keys: readonly Buffer[];
  /** The name under which it was stored. */
  context: string;
  sourcePath: string;
  targetPath: string;
};

/**
 * Decrypts what sealFile made, in constant memory. Nothing is at targetPath before every chunk proved right; else a
 * SealError. Resolves with the size of the opened file.
 */
export async function openSealed(input: OpenInput): Promise<{ bytes: number }> {
  for (const key of input.keys) checkKey(key);
  const source = await open(input.sourcePath, "r");
  try {
    const { size } = await source.stat();
    if (size < headerBytes + tagBytes) {
      throw new SealError("broken", `Expected a sealed file, got ${size} bytes.`);
    }
    const header = Buffer.allocUnsafe(headerBytes);
    await readFully(source, header, 0);
    const cipher = deriveCipher(findKey(header, input.keys), header, input.context);
    return await writeThenMove(input.targetPath, async (target) => ({
      bytes: await openChunks({ source, body: size - headerBytes, target, cipher }),
    }));
  } finally {
    await source.close();
  }
}

async function openChunks(input: {
  source: FileHandle;
  body: number;
  target: FileHandle;
  cipher: ChunkCipher;
}): Promise<number> {
  const count = chunkCount(input.body);
  const sealedBytes = chunkBytes + tagBytes;
  const buffer = Buffer.allocUnsafe(Math.min(sealedBytes, input.body));
  let bytes = 0;
  for (let index = 0; index < count; index += 1) {
    const start = index * sealedBytes;
    const sealed = buffer.subarray(0, Math.min(sealedBytes, input.body - start));
    await readFully(input.source, sealed, headerBytes + start);
    const plain = openChunk(input.cipher, sealed, index, index === count - 1);
    await writeFully(input.target, plain);
    bytes += plain.length;
    giveBack(plain);
  }
  return bytes;
}

function openChunk(cipher: ChunkCipher, sealed: Buffer, index: number, isLast: boolean): Buffer {
  const end = sealed.length - tagBytes;
  if (end < 0) {
    throw new SealError("broken", "Expected a whole last chunk in a sealed file, got a part of one.");
  }
  const gcm = createDecipheriv("aes-256-gcm", cipher.key, cipher.nonce(index, isLast), {
    authTagLength: tagBytes,
  });
  gcm.setAAD(cipher.authenticated);
  gcm.setAuthTag(sealed.subarray(end));
  const plain = gcm.update(sealed.subarray(0, end));
  try {
    gcm.final();
  } catch (cause) {
    throw new SealError("broken", `Expected chunk ${index} of a sealed file as it was sealed, got another.`, {
      cause,
    });
  }
  return plain;
}
