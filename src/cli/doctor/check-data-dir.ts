import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fail, ok, warn, type CheckResult } from "./check.ts";

const gib = 2 ** 30;
/** A mirror, a checkout and a repository's dependencies want some gigabytes. */
const comfortableBytes = 5 * gib;
const leastBytes = 1 * gib;

/** Room in DATA_DIR, and whether this user is the one who may write it. */
export async function checkDataDir(dataDir: string): Promise<CheckResult> {
  const path = resolve(dataDir);
  const folder = await nearestFolder(path);
  const free = await freeBytes(folder);
  const room = `${(free / gib).toFixed(1)} GiB free in ${path}`;
  const more = "Make room on its file system, or point DATA_DIR at a larger one.";
  if (free < leastBytes) return fail(`${room}, expected at least ${leastBytes / gib}`, more);
  const { uid } = await stat(folder);
  const me = process.getuid?.();
  if (folder === path && me !== undefined && uid !== me) {
    return warn(
      `${room}; it belongs to user ${uid}, and you are ${me}`,
      "Run the doctor as the bot's user: it sees what the bot sees.",
    );
  }
  if (!(await isWritable(folder))) {
    return fail(
      `${folder} cannot be written`,
      "Give the bot's user a folder of its own and set DATA_DIR to it.",
    );
  }
  if (free < comfortableBytes) return warn(`${room}, ${comfortableBytes / gib} are comfortable`, more);
  return ok(folder === path ? room : `${room}; it is made at the first start`);
}

/** The folder itself, or the one that it will be made in. */
async function nearestFolder(path: string): Promise<string> {
  const found = await access(path).then(
    () => true,
    () => false,
  );
  return found || dirname(path) === path ? path : nearestFolder(dirname(path));
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
