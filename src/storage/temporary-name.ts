import { randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { errorCode } from "./disk-fault.ts";

const prefix = ".part-";

/** A name that no key and no part has, for a file that is not whole yet. */
export function temporaryName(): string {
  return `${prefix}${randomBytes(9).toString("hex")}`;
}

export function isTemporaryName(name: string): boolean {
  return name.startsWith(prefix);
}

/** A file that grows has a fresh time; nobody stands still for so long and goes on. */
const abandonedAfterMs = 24 * 60 * 60_000;

/** Removes what killed processes left behind in a folder; a missing folder has nothing. */
export async function removeAbandoned(folder: string, clock: Clock): Promise<void> {
  for (const name of await readNames(folder)) {
    if (!isTemporaryName(name)) continue;
    const path = join(folder, name);
    const modifiedAt = await modifiedAtMs(path);
    if (modifiedAt !== null && clock.now().getTime() - modifiedAt > abandonedAfterMs) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function modifiedAtMs(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}
