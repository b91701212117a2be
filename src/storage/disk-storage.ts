import { mkdir, open, opendir, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { systemClock, type Clock } from "../clock.ts";
import { copyFile } from "./copy-file.ts";
import { errorCode, explainDiskFault } from "./disk-fault.ts";
import { checkStorageKey, isStorageKey, keyStart } from "./storage-key.ts";
import type { Storage, StoredObject } from "./storage.ts";
import { removeAbandoned } from "./temporary-name.ts";
import { syncFolder } from "./write-then-move.ts";

/**
 * Keeps objects as files of one flat folder, which is made when it is missing (0700). The key `a/b` is the file `a.b`:
 * so no key is another one's folder, nothing is left to prune, and what is no key is no file of ours.
 */
export async function createDiskStorage(
  input: { directory: string },
  deps: { clock: Clock } = { clock: systemClock },
): Promise<Storage> {
  const directory = resolve(input.directory);
  await makeFolder(directory);
  await removeAbandoned(directory, deps.clock);
  const pathOf = (key: string) => {
    checkStorageKey(key);
    return join(directory, key.replaceAll("/", "."));
  };
  return {
    put: async (key, file) => {
      const targetPath = pathOf(key);
      const source = await open(file.path, "r");
      return await closing(source, () => copyFile(source, targetPath, { durable: true }));
    },
    get: async (key, targetPath) => {
      const path = pathOf(key);
      const source = await unlessMissing(open(path, "r"));
      return source === null
        ? null
        : await closing(source, () => copyFile(source, targetPath, { durable: false }));
    },
    remove: async (key) => {
      const path = pathOf(key);
      try {
        await rm(path, { force: true });
      } catch (error) {
        throw explainDiskFault(error, path);
      }
    },
    list: (prefix) => listFolder(directory, keyStart(prefix)),
  };
}

async function makeFolder(directory: string): Promise<void> {
  try {
    const first = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let made = directory; made.length >= first.length; made = dirname(made)) {
      await syncFolder(dirname(made));
    }
  } catch (error) {
    throw explainDiskFault(error, directory);
  }
}

async function closing<Result>(file: FileHandle, use: () => Promise<Result>): Promise<Result> {
  try {
    return await use();
  } finally {
    await file.close();
  }
}

async function unlessMissing<Found>(looking: Promise<Found>): Promise<Found | null> {
  try {
    return await looking;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

async function* listFolder(directory: string, start: string): AsyncGenerator<StoredObject> {
  for await (const entry of await opendir(directory)) {
    const key = entry.name.replaceAll(".", "/");
    if (!entry.isFile() || !isStorageKey(key) || !key.startsWith(start)) continue;
    const found = await unlessMissing(stat(join(directory, entry.name)));
    if (found !== null) yield { key, bytes: found.size, modifiedAt: found.mtime };
  }
}
