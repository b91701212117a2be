import { mergeTrees } from "./merge-trees.ts";
import { line, openQuarantine } from "./quarantine.ts";
import { pathText, readChanges, readFiles, type CommitFile } from "./read-changes.ts";
import { writeCommit, type CommitText } from "./write-commit.ts";

export type Reverted =
  | { kind: "reverted"; quarantinePath: string; commitSha: string; files: CommitFile[] }
  /** What came later stands on what was to be taken back. */
  | { kind: "conflict"; paths: string[] }
  /** Somebody has taken it back already. */
  | { kind: "nothing-left" };

/** One commit on `headSha` that takes back what the given commits did, the newest first; nothing is merged by guess. */
export async function revertCommits(
  input: CommitText & {
    mirrorPath: string;
    /** A folder of the bot; the quarantine is made in it and stays until the folder is removed. */
    tempDir: string;
    headSha: string;
    commits: readonly { sha: string; parentSha: string }[];
  },
): Promise<Reverted> {
  const { headSha } = input;
  const { path: quarantinePath, git } = await openQuarantine({ ...input, parentSha: headSha });
  let tree = await line(git, ["rev-parse", `${headSha}^{tree}`]);
  for (const { sha, parentSha } of input.commits) {
    const merged = await mergeTrees(git, { base: sha, ours: tree, theirs: parentSha });
    if (merged.conflicts.length > 0) return { kind: "conflict", paths: merged.conflicts.map(pathText) };
    tree = merged.treeSha;
  }
  const changes = await readChanges(git, headSha, tree);
  if (changes.length === 0) return { kind: "nothing-left" };
  const [commitSha, files] = await Promise.all([
    writeCommit(git, { ...input, quarantinePath, tree, parentSha: headSha }),
    readFiles(git, { from: headSha, to: tree, changes }),
  ]);
  return { kind: "reverted", quarantinePath, commitSha, files };
}
