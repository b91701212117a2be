import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { link, mkdir, open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { errorCode, explainDiskFault } from "./disk-fault.ts";
import { checkKey } from "./seal-format.ts";
import { temporaryName } from "./temporary-name.ts";
import { syncFolder } from "./write-then-move.ts";

const fileName = "encryption.key";

/**
 * The key for what is kept at rest, 32 bytes: the configured one, else that of `<dataDir>/encryption.key`, which is made
 * once whoever asks first. Throws a UserError when others may read that file or when it holds no key.
 */
export async function readEncryptionKey(input: {
  dataDir: string;
  configured: Buffer | null;
}): Promise<Buffer> {
  if (input.configured !== null) {
    checkKey(input.configured);
    return input.configured;
  }
  const found = await findEncryptionKey(input.dataDir);
  if (found !== null) return found;
  await makeKeyFile(input.dataDir);
  const made = await findEncryptionKey(input.dataDir);
  if (made === null) throw new Error(`Expected ${fileName}, which was just made, to be there.`);
  return made;
}

/** The key that a data directory holds; null when it holds none. Throws as readEncryptionKey does. */
export async function findEncryptionKey(dataDir: string): Promise<Buffer | null> {
  const path = join(dataDir, fileName);
  const file = await openOrNull(path);
  if (file === null) return null;
  try {
    const found = await file.stat();
    if (!found.isFile() || (found.mode & 0o077) !== 0) {
      throw new UserError(
        "encryption-key-exposed",
        `Expected ${path} to be a file that only its owner may read, got mode ${(found.mode & 0o7777).toString(8)}.`,
        "Run chmod 600 on it; if somebody else may have read it, set a new ENCRYPTION_KEY.",
      );
    }
    return parseKey(await file.readFile("latin1"), path);
  } finally {
    await file.close();
  }
}

async function openOrNull(path: string): Promise<FileHandle | null> {
  try {
    // Without O_NONBLOCK a pipe in its place would hold the boot for ever.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === "ENOENT") return null;
    throw new UserError(
      "encryption-key-unreadable",
      `Expected to read ${path}, got ${code ?? "an error"}.`,
      "Make it a plain file of the bot's user, or set ENCRYPTION_KEY.",
      { cause },
    );
  }
}

function parseKey(text: string, path: string): Buffer {
  const key = Buffer.from(text.trim(), "base64");
  if (/^[A-Za-z0-9+/]{43}=$/.test(text.trim()) && key.length === 32) return key;
  throw new UserError(
    "encryption-key-invalid",
    `Expected ${path} to hold 32 bytes in base64, got ${text.length} characters of something else.`,
    "Put the key back from a backup; without one remove the file, and what it sealed is lost.",
  );
}

/** By a link, which fails when the name is taken: nobody ever sees a file that is there but not yet written. */
async function makeKeyFile(dataDir: string): Promise<void> {
  const path = join(dataDir, fileName);
  const temporaryPath = join(dataDir, temporaryName());
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const file = await open(temporaryPath, "wx", 0o600);
    try {
      await file.writeFile(`${randomBytes(32).toString("base64")}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporaryPath, path);
    await syncFolder(dataDir);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw explainDiskFault(error, path);
  } finally {
    await rm(temporaryPath, { force: true });
  }
}
