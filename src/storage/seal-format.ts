import { hkdfSync, randomBytes } from "node:crypto";
import { SealError } from "./seal-error.ts";

/**
 * A sealed file is a header and chunks of AES-256-GCM, each `chunkBytes` of plaintext (the last one less) and its tag:
 *
 *   "rcseal" 00 · version 1 · key fingerprint (8) · salt (32)
 *
 * The cipher's key is derived from ours and the salt, so it serves one file and a counter may be its nonce: eleven bytes
 * of chunk number, one that says whether the chunk is the last (the STREAM construction). Header and context are
 * authenticated with every chunk.
 */
export const headerBytes = 48;
export const chunkBytes = 256 * 2 ** 10;
export const tagBytes = 16;

const magic = Buffer.from("rcseal\0", "latin1");
const version = 1;
const saltAt = magic.length + 1 + 8;

export function makeHeader(key: Buffer): Buffer {
  return Buffer.concat([magic, Buffer.of(version), fingerprint(key), randomBytes(headerBytes - saltAt)]);
}

/** The one of our keys that made this header; a SealError when it is none, or no header of ours. */
export function findKey(header: Buffer, keys: readonly Buffer[]): Buffer {
  if (header.length < headerBytes || !header.subarray(0, magic.length).equals(magic)) {
    throw new SealError("broken", "Expected a sealed file, got something else.");
  }
  const found = header[magic.length] ?? 0;
  if (found > version) {
    throw new SealError("newer", `Expected a sealed file of version ${version}, got version ${found}.`);
  }
  if (found !== version) throw new SealError("broken", `No version ${found} of sealed files was ever made.`);
  const wanted = header.subarray(magic.length + 1, saltAt);
  const key = keys.find((candidate) => fingerprint(candidate).equals(wanted));
  if (key !== undefined) return key;
  throw new SealError(
    "wrong-key",
    `Expected a file sealed with our key (${keys.map((one) => fingerprint(one).toString("hex")).join(", ")}), got one of ${wanted.toString("hex")}.`,
  );
}

export type ChunkCipher = {
  key: Buffer;
  nonce: (index: number, isLast: boolean) => Buffer;
  authenticated: Buffer;
};

/** What each chunk of one file is sealed with; `context` is what the file is stored as. */
export function deriveCipher(key: Buffer, header: Buffer, context: string): ChunkCipher {
  const derived = hkdfSync("sha256", key, header.subarray(saltAt), "remote-claude sealed file", 32);
  return {
    key: Buffer.from(derived),
    nonce: (index, isLast) => {
      const nonce = Buffer.alloc(12);
      nonce.writeUIntBE(index, 5, 6);
      nonce[11] = isLast ? 1 : 0;
      return nonce;
    },
    authenticated: Buffer.concat([header, Buffer.from(context, "utf8")]),
  };
}

/** How many bytes were sealed into a file of this size, none for one that is too small; wrong only for a broken file. */
export function plainBytes(sealedBytes: number): number {
  const body = sealedBytes - headerBytes;
  return Math.max(0, body - tagBytes * chunkCount(body));
}

/** How many chunks lie in a body of this size; an empty file has one. */
export function chunkCount(bodyBytes: number): number {
  return Math.max(1, Math.ceil(bodyBytes / (chunkBytes + tagBytes)));
}

/** Tells keys apart in a header without giving anything of them away. */
function fingerprint(key: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "", "remote-claude key fingerprint", 8));
}

/** Throws a TypeError for what is no key of ours. */
export function checkKey(key: Buffer): void {
  if (key.length !== 32) throw new TypeError(`Expected a key of 32 bytes, got ${key.length}.`);
}
