import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import { createDiskStorage } from "./disk-storage.ts";
import { findEncryptionKey, readEncryptionKey } from "./encryption-key.ts";
import { readS3Address } from "./s3-address.ts";
import { createS3Storage } from "./s3-storage.ts";
import { createSealedStorage } from "./sealed-storage.ts";
import type { Storage } from "./storage.ts";

/**
 * Where checkpoints are kept, sealed: in the configured bucket, else in `<dataDir>/checkpoints`. Throws a UserError when
 * the folder, the key or the bucket's address cannot be used; the bucket itself is not asked yet.
 */
export async function openCheckpointStorage(
  config: Pick<Config, "dataDir" | "checkpoints">,
  deps: { log: Pick<Logger, "info" | "warn"> },
): Promise<Storage> {
  const { dataDir, checkpoints } = config;
  const keys = await readKeys(dataDir, checkpoints.encryptionKey);
  const directory = join(dataDir, "checkpoints");
  const storage =
    checkpoints.s3 === null
      ? await createDiskStorage({ directory })
      : createS3Storage(checkpoints.s3, { log: deps.log });
  const place = checkpoints.s3 === null ? directory : readS3Address(checkpoints.s3.url).name;
  deps.log.info({ place }, "checkpoints are kept");
  return await createSealedStorage({ storage, keys, tempDir: join(dataDir, "sealing") });
}

/** A key that is configured later does not shut out what the data directory's own one sealed before. */
async function readKeys(dataDir: string, configured: Buffer | null): Promise<[Buffer, ...Buffer[]]> {
  const first = await readEncryptionKey({ dataDir, configured });
  const made = configured === null ? null : await findEncryptionKey(dataDir);
  return made === null ? [first] : [first, made];
}
