import { UserError } from "../errors.ts";

const full = ["ENOSPC", "EDQUOT", "EFBIG"];
const storageFull = "storage-full";
const forbidden = ["EACCES", "EPERM", "EROFS"];

/** What an operator can mend about a failed write below `path`, as a UserError; anything else stays as it is. */
export function explainDiskFault(error: unknown, path: string): unknown {
  const code = errorCode(error);
  if (code !== null && full.includes(code)) {
    return new UserError(
      storageFull,
      `Expected room to write ${path}, got ${code}.`,
      "Free space on that disk, raise its quota, or keep checkpoints in a bucket (CHECKPOINT_S3_URL).",
      { cause: error },
    );
  }
  if (code !== null && forbidden.includes(code)) {
    return new UserError(
      "storage-unwritable",
      `Expected to be allowed to write ${path}, got ${code}.`,
      "Give the bot's user that folder, or set DATA_DIR to one that is its own.",
      { cause: error },
    );
  }
  return error;
}

/** No room is left, as the system or as `explainDiskFault` says it: other tasks give some back, or the operator does. */
export function isDiskFull(error: Error): boolean {
  if (error instanceof UserError) return error.code === storageFull;
  return full.includes(errorCode(error) ?? "");
}

/** The system's name for an error, such as ENOENT; null for what has none. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
