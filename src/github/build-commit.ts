import { join } from "node:path";
import {
  type ChangedPath,
  type CommitPolicy,
  defaultCommitPolicy,
  findConflicts,
  judgeChange,
  type LeftOutReason,
} from "./commit-policy.ts";
import { line, openQuarantine, type QuarantineGit } from "./quarantine.ts";
import { readBundle, refused } from "./read-bundle.ts";
import { writeCommit } from "./write-commit.ts";
import { type CommitFile, pathText, readChanges, readFiles, readObjects } from "./read-changes.ts";

export type BuildCommitInput = {
  mirrorPath: string;
  /** What came out of a sandbox: nothing in it is believed. */
  bundlePath: string;
  /** A folder of the bot; the quarantine is made in it and stays until the folder is removed. */
  tempDir: string;
  parentSha: string;
  author: { name: string; email: string };
  /** Author and committer date, so that a repeated build gives the same commit id. */
  date: Date;
  message: string;
  policy?: Partial<CommitPolicy>;
  signal?: AbortSignal;
};

export type BuiltCommit = {
  /** A bare repository that holds the commit; what is pushed is pushed from here. */
  quarantinePath: string;
  /** The parent itself when `unchanged`. */
  commitSha: string;
  /** Nothing is left to commit. */
  unchanged: boolean;
  files: CommitFile[];
  leftOut: { path: string; reason: LeftOutReason }[];
  /** What was left out, as a patch that a person can apply; null when there is none or none fits. */
  leftOutPatch: string | null;
};

/**
 * Builds the one commit of a turn from an agent's bundle: its tree, minus what the policy leaves as it was, on
 * `parentSha`, with author, date and message of the bot's own. Rejects with a UserError (work-…) when the bundle as a
 * whole cannot be accepted.
 */
export async function buildCommit(input: BuildCommitInput): Promise<BuiltCommit> {
  const policy = { ...defaultCommitPolicy, ...input.policy };
  const { path: quarantinePath, git } = await openQuarantine(input);
  const workTree = await readBundle(git, { ...input, maxBytes: policy.maxBundleBytes });
  const changes = await readChanges(git, input.parentSha, workTree);
  if (changes.length > policy.maxFiles) {
    throw refused(
      "work-too-many-files",
      `changes ${changes.length} files, and ${policy.maxFiles} are allowed`,
    );
  }
  const objects = await readObjects(git, changes);
  const verdicts = changes.map((change, index) => {
    const object = objects[index] ?? { sizeBytes: 0, linkTarget: null };
    return { change, sizeBytes: object.sizeBytes, reason: judgeChange(policy, change, object) };
  });
  markConflicts(verdicts);
  const totalBytes = verdicts.reduce(
    (sum, { reason, sizeBytes }) => sum + (reason === null ? sizeBytes : 0),
    0,
  );
  if (totalBytes > policy.maxTotalBytes) {
    throw refused("work-too-large", `changes ${totalBytes} bytes, and ${policy.maxTotalBytes} are allowed`);
  }
  const out = verdicts.flatMap(({ change, reason }) => (reason === null ? [] : [{ change, reason }]));
  const tree = await writeTree(
    git,
    quarantinePath,
    workTree,
    out.map(({ change }) => change),
  );
  // Two trees that differ in no path are one tree.
  const kept = out.length === 0 ? changes : await readChanges(git, input.parentSha, tree);
  const unchanged = kept.length === 0;
  const [commitSha, files] = await Promise.all([
    unchanged ? input.parentSha : writeCommit(git, { ...input, quarantinePath, tree }),
    readFiles(git, { from: input.parentSha, to: tree, changes: kept }),
  ]);
  return {
    quarantinePath,
    unchanged,
    commitSha,
    files,
    leftOut: out.map(({ change, reason }) => ({ path: pathText(change.path), reason })),
    leftOutPatch: await readPatch(git, input.parentSha, workTree, out),
  };
}

/** Leaving one path out can leave no room for another: a file where the parent has a folder. */
function markConflicts(verdicts: { change: ChangedPath; reason: LeftOutReason | null }[]): void {
  for (;;) {
    const restored = verdicts.filter(({ reason, change }) => reason !== null && change.status !== "A");
    const kept = verdicts.filter(({ reason, change }) => reason === null && change.status !== "D");
    const conflicts = findConflicts(
      kept.map(({ change }) => change.path),
      restored.map(({ change }) => change.path),
    );
    if (conflicts.size === 0) return;
    for (const verdict of kept) if (conflicts.has(verdict.change.path)) verdict.reason = "conflict";
  }
}

/** The agent's tree with the parent's version put back at the paths that are left out. */
async function writeTree(
  git: QuarantineGit,
  path: string,
  workTree: string,
  leftOut: readonly ChangedPath[],
): Promise<string> {
  if (leftOut.length === 0) return workTree;
  const env = { GIT_INDEX_FILE: join(path, "commit.index") };
  await line(git, ["read-tree", workTree], { env });
  const nothing = "0".repeat(workTree.length);
  const entries = [
    // Removals first: a file may have to make room for a folder of its name.
    ...leftOut.map((change) => `0 ${nothing}\t${change.path}\0`),
    ...leftOut.flatMap((change) =>
      change.status === "A" ? [] : [`${change.oldMode} ${change.oldSha}\t${change.path}\0`],
    ),
  ];
  const stdin = Buffer.from(entries.join(""), "latin1");
  await line(git, ["update-index", "-z", "--index-info"], { env, stdin });
  return line(git, ["write-tree"], { env });
}

const maxPatchBytes = 256 * 1024;
const maxPatchFiles = 200;

/** What a person may well want all the same. */
const offered: ReadonlySet<LeftOutReason> = new Set(["protected", "held", "conflict", "submodule"]);

async function readPatch(
  git: QuarantineGit,
  parentSha: string,
  workTree: string,
  out: readonly { change: ChangedPath; reason: LeftOutReason }[],
): Promise<string | null> {
  const paths = out
    .filter(({ reason }) => offered.has(reason))
    .map(({ change }) => pathText(change.path))
    .slice(0, maxPatchFiles);
  if (paths.length === 0) return null;
  const result = await git(
    [
      "diff-tree",
      "-r",
      "-p",
      "--full-index",
      "--no-renames",
      "--no-ext-diff",
      "--no-textconv",
      parentSha,
      workTree,
      "--",
      ...paths,
    ],
    { maxStdoutBytes: maxPatchBytes },
  );
  return result.exitCode === 0 && result.stdout.length > 0 ? result.stdout.toString("utf8") : null;
}
