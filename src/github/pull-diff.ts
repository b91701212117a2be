import { UserError } from "../errors.ts";
import { runHostGit } from "../host-git.ts";

/** The lines that a pull request adds (RIGHT, numbers of the new file) and takes away (LEFT, of the old one), with their text. */
export type ChangedLines = ReadonlyMap<string, Record<"LEFT" | "RIGHT", ReadonlyMap<number, string>>>;

export type PullDiff = {
  /** As `git diff` shows it from the merge base on; cut to `maxBytes`. */
  patch: string;
  cut: boolean;
  lines: ChangedLines;
};

const maxDiffBytes = 32 * 2 ** 20;

/** Reads what a pull request changes from the bot's own mirror. UserError `diff-too-large` beyond 32 MiB. */
export async function readPullDiff(input: {
  mirrorPath: string;
  baseSha: string;
  headSha: string;
  /** Of the patch. */
  maxBytes: number;
}): Promise<PullDiff> {
  const [shown, bare] = await Promise.all([diff(input, 5), diff(input, 0)]);
  const cut = shown.length > input.maxBytes;
  return {
    patch: (cut ? shown.subarray(0, input.maxBytes) : shown).toString("utf8"),
    cut,
    lines: readChangedLines(bare.toString("utf8")),
  };
}

async function diff(
  { mirrorPath, baseSha, headSha }: { mirrorPath: string; baseSha: string; headSha: string },
  context: number,
): Promise<Buffer> {
  const { exitCode, stopped, stdout, stderr } = await runHostGit({
    args: [
      ...["--git-dir=.", "diff", "--no-color", "--no-renames", "--no-ext-diff", "--no-textconv"],
      ...["--src-prefix=a/", "--dst-prefix=b/", `--unified=${context}`, `${baseSha}...${headSha}`],
    ],
    cwd: mirrorPath,
    protocol: "none",
    config: { "core.quotePath": "false" },
    timeoutMs: 120_000,
    maxStdoutBytes: maxDiffBytes,
  });
  if (stopped === "output") {
    throw new UserError(
      "diff-too-large",
      `The diff of this pull request is larger than ${maxDiffBytes / 2 ** 20} MiB.`,
      "Split the pull request, or ask about a part of it with `/claude ask`.",
    );
  }
  if (exitCode === 0) return stdout;
  throw new Error(`git diff ${baseSha}...${headSha} ended with ${exitCode ?? "a signal"}: ${stderr.trim()}`);
}

const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** Reads a diff without context lines. Names that git must quote (control characters) are left out. */
export function readChangedLines(bare: string): ChangedLines {
  const files = new Map<string, Record<"LEFT" | "RIGHT", Map<number, string>>>();
  let names = { old: "", new: "" };
  let file: Record<"LEFT" | "RIGHT", Map<number, string>> | null = null;
  let left = 0;
  let right = 0;
  let inHunk = false;
  for (const row of bare.split("\n")) {
    const begins = hunk.exec(row);
    if (row.startsWith("diff --git ")) {
      inHunk = false;
      file = null;
      names = { old: "", new: "" };
    } else if (!inHunk && row.startsWith("--- ")) {
      names.old = row.slice(4).replace(/\t$/, "");
    } else if (!inHunk && row.startsWith("+++ ")) {
      names.new = row.slice(4).replace(/\t$/, "");
      const name = names.new === "/dev/null" ? names.old : names.new;
      file = { LEFT: new Map(), RIGHT: new Map() };
      if (/^[ab]\//.test(name)) files.set(name.slice(2), file);
    } else if (begins !== null) {
      inHunk = true;
      left = Number(begins[1]);
      right = Number(begins[2]);
    } else if (inHunk && row.startsWith("-")) {
      file?.LEFT.set(left++, row.slice(1));
    } else if (inHunk && row.startsWith("+")) {
      file?.RIGHT.set(right++, row.slice(1));
    }
  }
  return files;
}
