import { brotliCompress, brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { promisify } from "node:util";

const compressAsync = promisify(brotliCompress);

/** On recorded webhooks half the time of zlib level 1, for the same size. */
const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 0, [constants.BROTLI_PARAM_LGWIN]: 16 } };

/** Compresses a body for the table; large ones off the main thread, so that one of 25 MB does not stop the others. */
export function packPayload(body: Buffer): Buffer | Promise<Buffer> {
  return body.length > 262_144 ? compressAsync(body, fast) : brotliCompressSync(body, fast);
}

/** The body as it came, byte for byte. */
export function unpackPayload(packed: Buffer): Buffer {
  return brotliDecompressSync(packed);
}
