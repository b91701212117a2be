import { isProtected as isHeld } from "./settings-protected.ts";

/** What of an agent's work may go into a commit. */
export type CommitPolicy = {
  /** Folders (ending in /) and files that are left as the parent has them, whatever their case. */
  protectedPaths: readonly string[];
  /** Patterns as in the settings, for what is left as the parent has it because a person has to agree to it. */
  heldPaths: readonly string[];
  maxBundleBytes: number;
  /** Changed files; more are refused as a whole. */
  maxFiles: number;
  /** One file; a larger one is left out. GitHub itself refuses 100 MiB. */
  maxFileBytes: number;
  /** All changed files together, unpacked; more are refused as a whole. */
  maxTotalBytes: number;
};

export const defaultCommitPolicy: CommitPolicy = {
  // GitHub refuses a push that changes these unless the App may write workflows, which it never asks for.
  protectedPaths: [".github/workflows/"],
  heldPaths: [],
  maxBundleBytes: 256 * 2 ** 20,
  maxFiles: 3_000,
  maxFileBytes: 20 * 2 ** 20,
  maxTotalBytes: 256 * 2 ** 20,
};

export type LeftOutReason =
  "protected" | "held" | "submodule" | "symlink-outside" | "too-large" | "bad-name" | "conflict";

/** One path that differs between parent and work, as `git diff-tree --raw` has it. Paths are bytes, one character each. */
export type ChangedPath = {
  path: string;
  status: "A" | "M" | "D" | "T";
  oldMode: string;
  newMode: string;
  oldSha: string;
  newSha: string;
};

export type ChangedObject = {
  sizeBytes: number;
  /** The target of a symbolic link, one character per byte; null for anything else. */
  linkTarget: string | null;
};

const gitlink = "160000";

/** Why a change is left out; null when it goes in. */
export function judgeChange(
  policy: CommitPolicy,
  change: ChangedPath,
  object: ChangedObject,
): LeftOutReason | null {
  if (!isUtf8(change.path) || hasControls(change.path)) return "bad-name";
  if (isProtected(policy.protectedPaths, change)) return "protected";
  if (isHeld(Buffer.from(change.path, "latin1").toString("utf8"), policy.heldPaths)) return "held";
  if (change.oldMode === gitlink || change.newMode === gitlink) return "submodule";
  if (object.linkTarget !== null && leavesRepository(change.path, object.linkTarget))
    return "symlink-outside";
  if (change.status !== "D" && object.sizeBytes > policy.maxFileBytes) return "too-large";
  return null;
}

function isProtected(protectedPaths: readonly string[], { path, status }: ChangedPath): boolean {
  const name = fold(path);
  return protectedPaths.some((entry) => {
    const guarded = fold(entry);
    if (!guarded.endsWith("/")) return name === guarded;
    // A file or a link where the folder or one of its parents should be would hide the folder.
    return name.startsWith(guarded) || (status !== "D" && guarded.startsWith(`${name}/`));
  });
}

/** As a file system or a server that ignores case and invisible characters would see the name. */
function fold(path: string): string {
  return Buffer.from(path, "latin1")
    .toString("utf8")
    .normalize("NFKC")
    .replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, "")
    .toLowerCase();
}

/** Whether a link at `path` points out of the repository or into its .git. */
function leavesRepository(path: string, target: string): boolean {
  if (target.startsWith("/") || target.includes("\\") || target.includes("\0")) return true;
  const parts = path.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return true;
  }
  return fold(parts[0] ?? "") === ".git";
}

function isUtf8(path: string): boolean {
  const bytes = Buffer.from(path, "latin1");
  return Buffer.from(bytes.toString("utf8"), "utf8").equals(bytes);
}

function hasControls(path: string): boolean {
  return /[\x00-\x1f\x7f]/.test(path);
}

/**
 * Paths of `kept` that cannot stand beside what the parent has at `restored`: git holds no file and folder of one name.
 */
export function findConflicts(kept: readonly string[], restored: readonly string[]): Set<string> {
  const files = new Set(restored);
  const folders = new Set(restored.flatMap(parentsOf));
  return new Set(
    kept.filter((path) => folders.has(path) || parentsOf(path).some((parent) => files.has(parent))),
  );
}

function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
