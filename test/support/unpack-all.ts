import { constants, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";

const maxDepth = 3;
const maxOutputLength = 64 * 2 ** 20;
const zlibOptions = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength };
const zstdOptions = { finishFlush: constants.ZSTD_e_flush, maxOutputLength };

/** The bytes, and everything compressed that begins anywhere in them (a pack's objects, a bundle's, gzip, zstd), also behind base64. */
export function* unpackAll(bytes: Buffer, depth = 0): Generator<Buffer> {
  yield bytes;
  if (depth === maxDepth) return;
  for (const inner of [...compressedIn(bytes), ...encodedIn(bytes)]) yield* unpackAll(inner, depth + 1);
}

function* compressedIn(bytes: Buffer): Generator<Buffer> {
  for (let at = bytes.indexOf(0x78); at !== -1; at = bytes.indexOf(0x78, at + 1)) {
    if (((0x78 << 8) | (bytes[at + 1] ?? 0)) % 31 === 0)
      yield* attempt(() => inflateSync(bytes.subarray(at), zlibOptions));
  }
  const gzip = Buffer.from([0x1f, 0x8b, 0x08]);
  for (let at = bytes.indexOf(gzip); at !== -1; at = bytes.indexOf(gzip, at + 1)) {
    yield* attempt(() => gunzipSync(bytes.subarray(at), zlibOptions));
  }
  const zstd = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
  for (let at = bytes.indexOf(zstd); at !== -1; at = bytes.indexOf(zstd, at + 1)) {
    yield* attempt(() => zstdDecompressSync(bytes.subarray(at), zstdOptions));
  }
}

/** Of what begins like something compressed. */
function* encodedIn(bytes: Buffer): Generator<Buffer> {
  for (const [text] of bytes.toString("latin1").matchAll(/(?:H4sI|KLUv|eJ|eN|eA)[\w+/-]{16,}/g)) {
    yield Buffer.from(text, "base64");
  }
}

function attempt(unpack: () => Buffer): Buffer[] {
  try {
    const unpacked = unpack();
    return unpacked.length === 0 ? [] : [unpacked];
  } catch (error) {
    // It only looked like a beginning.
    if (error instanceof Error && "code" in error && /^(?:Z_|ZSTD_)/.test(String(error.code))) return [];
    throw error;
  }
}
