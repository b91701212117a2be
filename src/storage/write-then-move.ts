import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { explainDiskFault } from "./disk-fault.ts";
import { temporaryName } from "./temporary-name.ts";

/**
 * Writes a file that is at `targetPath` whole or not at all, mode 0600: beside it first, then moved. A link in the
 * target's place is replaced, not followed. `durable`: it also outlives a power cut. Throws a UserError when the disk is
 * full or not ours to write, and whatever `write` throws.
 */
export async function writeThenMove<Result>(
  targetPath: string,
  write: (file: FileHandle) => Promise<Result>,
  options: { durable?: boolean } = {},
): Promise<Result> {
  const folder = dirname(targetPath);
  const temporaryPath = join(folder, temporaryName());
  try {
    const result = await writeTemporary(temporaryPath, write, options.durable ?? false);
    await rename(temporaryPath, targetPath);
    if (options.durable === true) await syncFolder(folder);
    return result;
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw explainDiskFault(error, targetPath);
  }
}

async function writeTemporary<Result>(
  path: string,
  write: (file: FileHandle) => Promise<Result>,
  durable: boolean,
): Promise<Result> {
  const file = await open(path, "wx", 0o600);
  try {
    const result = await write(file);
    if (durable) await file.sync();
    return result;
  } finally {
    await file.close();
  }
}

/** A new name is only safe once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
