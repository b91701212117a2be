import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock, type Clock } from "../clock.ts";
import { explainDiskFault } from "./disk-fault.ts";
import { openSealed } from "./open-sealed.ts";
import { sealFile } from "./seal-file.ts";
import { checkKey, plainBytes } from "./seal-format.ts";
import { checkStorageKey } from "./storage-key.ts";
import type { Storage, StoredObject } from "./storage.ts";
import { removeAbandoned, temporaryName } from "./temporary-name.ts";

export type SealedStorageInput = {
  storage: Storage;
  /** The first one seals, all of them open. */
  keys: readonly [Buffer, ...Buffer[]];
  /** Made when it is missing (0700); holds sealed files for as long as they are on their way. */
  tempDir: string;
};

/**
 * A storage whose other side sees only sealed files: `put` seals for the key, `get` opens what was sealed for that very
 * key, and throws a SealError for anything else.
 */
export async function createSealedStorage(
  input: SealedStorageInput,
  deps: { clock: Clock } = { clock: systemClock },
): Promise<Storage> {
  const { storage, keys, tempDir } = input;
  for (const key of keys) checkKey(key);
  await prepareFolder(tempDir, deps.clock);
  const onTheWay = async <Result>(use: (sealedPath: string) => Promise<Result>): Promise<Result> => {
    const sealedPath = join(tempDir, temporaryName());
    try {
      return await use(sealedPath);
    } finally {
      await rm(sealedPath, { force: true });
    }
  };
  return {
    put: async (key, file) => {
      checkStorageKey(key);
      return await onTheWay(async (sealedPath) => {
        const sealed = await sealFile({
          key: keys[0],
          context: key,
          sourcePath: file.path,
          targetPath: sealedPath,
        });
        await storage.put(key, { path: sealedPath });
        return { bytes: plainBytes(sealed.bytes) };
      });
    },
    get: async (key, targetPath) =>
      await onTheWay(async (sealedPath) => {
        const found = await storage.get(key, sealedPath);
        if (found === null) return null;
        return await openSealed({ keys, context: key, sourcePath: sealedPath, targetPath });
      }),
    remove: (key) => storage.remove(key),
    list: (prefix) => listOpened(storage.list(prefix)),
  };
}

async function prepareFolder(folder: string, clock: Clock): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await removeAbandoned(folder, clock);
  } catch (error) {
    throw explainDiskFault(error, folder);
  }
}

async function* listOpened(objects: AsyncIterable<StoredObject>): AsyncGenerator<StoredObject> {
  for await (const object of objects) yield { ...object, bytes: plainBytes(object.bytes) };
}
