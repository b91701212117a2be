import { line, type QuarantineGit } from "./quarantine.ts";
import { scratchIdentity } from "./scratch-identity.ts";

export type MergedTrees = {
  /** Where two changes collide the files hold git's conflict markers. */
  treeSha: string;
  /** Paths that collide, as bytes, one character each; empty: the merge is clean. */
  conflicts: string[];
};

/** What leads from `base` to `theirs`, applied to `ours`; each a commit or a tree that the quarantine can read. */
export async function mergeTrees(
  git: QuarantineGit,
  input: { base: string; ours: string; theirs: string },
): Promise<MergedTrees> {
  // They only tell `git merge-tree` of 2.38, which takes no base, what the base is.
  const commit = (revision: string, ...parents: string[]) =>
    line(git, ["commit-tree", `${revision}^{tree}`, ...parents.flatMap((sha) => ["-p", sha]), "-F", "-"], {
      env: scratchIdentity,
      stdin: "scratch",
    });
  const base = await commit(input.base);
  const [ours, theirs] = await Promise.all([commit(input.ours, base), commit(input.theirs, base)]);
  const result = await git(
    ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs],
    { maxStdoutBytes: 8 * 2 ** 20 },
  );
  const [treeSha, ...conflicts] = result.stdout
    .toString("latin1")
    .split("\0")
    .filter((part) => part !== "");
  const known = result.exitCode === 0 || result.exitCode === 1;
  if (!known || treeSha === undefined || !/^[0-9a-f]{40,64}$/.test(treeSha)) {
    const how = result.exitCode ?? result.stopped ?? "a signal";
    throw new Error(`git merge-tree ended with ${how}: ${result.stderr.trim()}`);
  }
  return { treeSha, conflicts: [...new Set(conflicts)] };
}
