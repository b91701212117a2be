import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { UserError } from "../errors.ts";

/** SQLite's result code for "another connection holds the lock". */
const busy = 5;

/**
 * Makes this process the only bot on the folder until `release` or its death: a lock of the kernel's, which is never
 * stale, taken by SQLite because node has no call of its own. Throws a UserError `data-dir-in-use` when there is another.
 */
export function lockDataDir(dataDir: string): { release(): void } {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "lock");
  try {
    const file = new DatabaseSync(path, { timeout: 0 });
    try {
      file.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      file.close();
      throw error;
    }
    return { release: () => file.close() };
  } catch (cause) {
    if (cause instanceof Error && "errcode" in cause && cause.errcode === busy) {
      throw new UserError(
        "data-dir-in-use",
        `Another bot is running on DATA_DIR ${dataDir}.`,
        "Stop it, or give this one a DATA_DIR of its own; for several workers on one database set DATABASE_URL.",
        { cause },
      );
    }
    throw new UserError(
      "data-dir-unusable",
      `Expected to be able to write ${path}, got: ${cause instanceof Error ? cause.message : String(cause)}.`,
      "Give the bot's user that folder, or point DATA_DIR at another one.",
      { cause },
    );
  }
}
