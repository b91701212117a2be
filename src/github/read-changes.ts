import type { ChangedObject, ChangedPath } from "./commit-policy.ts";
import { output, type QuarantineGit } from "./quarantine.ts";

export type CommitFile = {
  path: string;
  status: "added" | "modified" | "deleted";
  /** Null for binary files. */
  additions: number | null;
  deletions: number | null;
};

/** Every path that differs between two trees, no renames guessed. */
export async function readChanges(git: QuarantineGit, from: string, to: string): Promise<ChangedPath[]> {
  const raw = await output(git, ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", from, to]);
  const fields = raw.toString("latin1").split("\0");
  const changes: ChangedPath[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [head, path] = [fields[index], fields[index + 1]];
    const match = /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) ([AMDT])$/.exec(head ?? "");
    const [, oldMode, newMode, oldSha, newSha, status] = match ?? [];
    if (path === undefined || oldMode === undefined || newMode === undefined || !oldSha || !newSha) {
      throw new Error(`expected a line of git diff-tree --raw, got ${JSON.stringify(head)}`);
    }
    changes.push({ path, status: status as ChangedPath["status"], oldMode, newMode, oldSha, newSha });
  }
  return changes;
}

const maxLinkBytes = 4_096;

/** Sizes of the new objects, and where new symbolic links point; in the order of `changes`. */
export async function readObjects(
  git: QuarantineGit,
  changes: readonly ChangedPath[],
): Promise<ChangedObject[]> {
  const isBlob = (change: ChangedPath) => change.newMode !== "000000" && change.newMode !== "160000";
  const asked = changes.filter(isBlob);
  const stdin = asked.map(({ newSha }) => `${newSha}\n`).join("");
  const sizes = (await output(git, ["cat-file", "--batch-check=%(objectsize)"], { stdin })).toString("utf8");
  const sizeOf = new Map(sizes.split("\n").map((size, index) => [asked[index]?.newSha, Number(size)]));
  const objects: ChangedObject[] = [];
  for (const change of changes) {
    const sizeBytes = isBlob(change) ? (sizeOf.get(change.newSha) ?? Number.NaN) : 0;
    if (Number.isNaN(sizeBytes)) throw new Error(`git knows no size of ${change.newSha}`);
    objects.push({
      sizeBytes,
      linkTarget: change.newMode === "120000" ? await readLink(git, change, sizeBytes) : null,
    });
  }
  return objects;
}

async function readLink(git: QuarantineGit, change: ChangedPath, sizeBytes: number): Promise<string> {
  // No system follows a longer one; the slash makes it point outside.
  if (sizeBytes > maxLinkBytes) return "/";
  return (await output(git, ["cat-file", "blob", change.newSha])).toString("latin1");
}

/** The files of a commit, which are known to differ so, with the lines they gained and lost. */
export async function readFiles(
  git: QuarantineGit,
  { from, to, changes }: { from: string; to: string; changes: readonly ChangedPath[] },
): Promise<CommitFile[]> {
  if (changes.length === 0) return [];
  const counts = await output(git, ["diff-tree", "-r", "-z", "--numstat", "--no-renames", from, to]);
  const byPath = new Map<string, { added: number | null; removed: number | null }>();
  for (const entry of counts.toString("latin1").split("\0")) {
    const [, added, removed, path] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(entry) ?? [];
    if (path === undefined) continue;
    const count = (text: string | undefined) => (text === undefined || text === "-" ? null : Number(text));
    byPath.set(path, { added: count(added), removed: count(removed) });
  }
  return changes.map(({ path, status }) => ({
    path: pathText(path),
    status: status === "A" ? "added" : status === "D" ? "deleted" : "modified",
    additions: byPath.get(path)?.added ?? null,
    deletions: byPath.get(path)?.removed ?? null,
  }));
}

/** Paths are kept as bytes, one character each; this is what a person reads. */
export function pathText(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}
