import { mergeTrees } from "./merge-trees.ts";
import { line, openQuarantine, output, setRef } from "./quarantine.ts";
import { readBundle } from "./read-bundle.ts";
import { pathText } from "./read-changes.ts";
import { defaultCommitPolicy } from "./commit-policy.ts";
import { scratchIdentity } from "./scratch-identity.ts";

export type RebaseWorkInput = {
  /** Holds both commits. */
  mirrorPath: string;
  /** What came out of a sandbox: nothing in it is believed. */
  bundlePath: string;
  /** A folder of the bot; the quarantine is made in it and stays until the folder is removed. */
  tempDir: string;
  /** What the agent started from. */
  baseSha: string;
  /** Where the branch stands now. */
  ontoSha: string;
  /** Where the new bundle goes. */
  toPath: string;
  signal?: AbortSignal;
};

/** `conflicts`: the paths that both have changed in the same place; empty: the new bundle is there. */
export type RebasedWork = { conflicts: string[] };

/**
 * What the agent changed, carried over to where people have pushed meanwhile: a bundle as if it had started there, which is
 * then judged like any other. Rejects with a UserError (work-…) when the agent's bundle is not accepted.
 */
export async function rebaseWork(input: RebaseWorkInput): Promise<RebasedWork> {
  const { path, git } = await openQuarantine({ ...input, parentSha: input.ontoSha });
  const theirs = await readBundle(git, { ...input, maxBytes: defaultCommitPolicy.maxBundleBytes });
  const merged = await mergeTrees(git, { base: input.baseSha, ours: input.ontoSha, theirs });
  if (merged.conflicts.length > 0) return { conflicts: merged.conflicts.map(pathText) };
  const sha = await line(git, ["commit-tree", merged.treeSha, "-p", input.ontoSha, "-F", "-"], {
    env: scratchIdentity,
    stdin: "work",
  });
  await setRef(path, { name: "work", sha });
  await output(git, [
    "bundle",
    "create",
    "--quiet",
    "--version=2",
    input.toPath,
    "refs/heads/work",
    `^${input.ontoSha}`,
  ]);
  return { conflicts: [] };
}
