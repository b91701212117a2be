import { git } from "./git.ts";

export type Person = { name: string; email: string; date: string };
export type Commit = {
  sha: string;
  tree: string;
  parents: string[];
  author: Person;
  committer: Person;
  message: string;
};
export type FileChange = {
  path: string;
  previousPath: string | undefined;
  status: "added" | "removed" | "modified" | "renamed" | "changed";
  additions: number;
  deletions: number;
  /** Undefined for binary files. */
  patch: string | undefined;
  blob: string;
};

// Dates as GitHub gives them: UTC, whole seconds.
const format = "%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%ad%x1f%cn%x1f%ce%x1f%cd%x1f%B";

/** The commits that `range` (arguments of git log) gives, newest first. */
export async function readCommits(directory: string, range: readonly string[]): Promise<Commit[]> {
  const date = "--date=format-local:%Y-%m-%dT%H:%M:%SZ";
  const out = await git(directory, ["log", "-z", date, `--format=${format}`, ...range, "--"], {
    env: { TZ: "UTC" },
  });
  return out.toString().split("\0").filter(Boolean).map(parseCommit);
}

function parseCommit(row: string): Commit {
  const [sha = "", tree = "", parents = "", an = "", ae = "", ad = "", cn = "", ce = "", cd = "", ...rest] =
    row.split("\x1f");
  return {
    sha,
    tree,
    parents: parents.split(" ").filter(Boolean),
    author: { name: an, email: ae, date: ad },
    committer: { name: cn, email: ce, date: cd },
    message: rest.join("\x1f").replace(/\n+$/, ""),
  };
}

/** The unified difference between two commits. */
export async function readDiff(directory: string, base: string, head: string): Promise<string> {
  return (await git(directory, ["diff", "-M", base, head, "--"])).toString();
}

/** What changed between two commits, file by file. */
export async function readChanges(directory: string, base: string, head: string): Promise<FileChange[]> {
  const [raw, counts, diff] = await Promise.all([
    git(directory, ["diff", "-M", "--raw", "--abbrev=40", "-z", base, head, "--"]),
    git(directory, ["diff", "-M", "--numstat", "-z", base, head, "--"]),
    readDiff(directory, base, head),
  ]);
  const numbers = parseNumstat(counts.toString());
  const patches = diff.split(/^(?=diff --git )/m).filter(Boolean);
  return parseRaw(raw.toString()).map((change, index) => {
    const [additions, deletions] = numbers[index] ?? [0, 0];
    const patch = patches[index] ?? "";
    const start = patch.search(/^@@ /m);
    return {
      ...change,
      additions,
      deletions,
      patch: start < 0 ? undefined : patch.slice(start).replace(/\n$/, ""),
    };
  });
}

type RawChange = Pick<FileChange, "path" | "previousPath" | "status" | "blob">;

function parseRaw(raw: string): RawChange[] {
  const parts = raw.split("\0").filter(Boolean);
  const changes: RawChange[] = [];
  for (let i = 0; i < parts.length;) {
    const [, , oldBlob = "", newBlob = "", letter = "M"] = (parts[i] ?? "").split(" ");
    const isRename = letter.startsWith("R");
    const path = parts[i + (isRename ? 2 : 1)] ?? "";
    const previousPath = isRename ? parts[i + 1] : undefined;
    const blob = letter.startsWith("D") ? oldBlob : newBlob;
    changes.push({ path, previousPath, status: statusOf(letter), blob });
    i += isRename ? 3 : 2;
  }
  return changes;
}

function statusOf(letter: string): FileChange["status"] {
  const words = { A: "added", D: "removed", M: "modified", R: "renamed", T: "changed" } as const;
  const initial = letter.charAt(0);
  return initial === "A" || initial === "D" || initial === "R" || initial === "T"
    ? words[initial]
    : "modified";
}

function parseNumstat(text: string): [number, number][] {
  const parts = text.split("\0").filter(Boolean);
  const rows: [number, number][] = [];
  for (let i = 0; i < parts.length;) {
    const [added = "-", deleted = "-", path] = (parts[i] ?? "").split("\t");
    rows.push([Number(added) || 0, Number(deleted) || 0]);
    i += path === "" ? 3 : 1;
  }
  return rows;
}

/** The entries of a folder (or the one entry of a file) in a commit. */
export async function readTree(
  directory: string,
  commit: string,
  path: string,
): Promise<{ mode: string; type: string; sha: string; size: number; path: string }[]> {
  const argv = ["ls-tree", "-l", "-z", commit, ...(path === "" ? [] : ["--", path])];
  const rows = (await git(directory, argv)).toString().split("\0").filter(Boolean);
  return rows.map((row) => {
    const [facts = "", name = ""] = row.split("\t");
    const [mode = "", type = "", sha = "", size = ""] = facts.split(/\s+/);
    return { mode, type, sha, size: Number(size) || 0, path: name };
  });
}
