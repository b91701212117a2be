import { UserError } from "../errors.ts";
import { mergeTrees } from "./merge-trees.ts";
import { line, openQuarantine, output, setRef, type QuarantineGit } from "./quarantine.ts";
import { pathText } from "./read-changes.ts";

export type RebaseInput = {
  mirrorPath: string;
  /** A folder of the bot; the quarantine is made in it and stays until the folder is removed. */
  tempDir: string;
  headSha: string;
  /** Where the base branch stands. */
  ontoSha: string;
  /** Authors stay; a fixed date makes a repeated rebase the very same one. */
  committer: { name: string; email: string };
  date: Date;
};

type Conflict = {
  kind: "conflict";
  /** The last of the commits that went well. */
  tipSha: string;
  /** On it, all the others, with git's conflict markers in `paths`. */
  markedSha: string;
  paths: string[];
  titles: string[];
  commits: number;
};

export type Rebased = { quarantinePath: string } & (
  { kind: "up-to-date" } | { kind: "rebased"; sha: string; commits: number } | Conflict
);

/** More is no branch of one issue. */
const maxCommits = 200;

/** Puts the commits of a branch onto another commit, one by one, as `git rebase` does; merges are left out as there. */
export async function rebaseCommits(input: RebaseInput): Promise<Rebased> {
  const { headSha, ontoSha } = input;
  const { path: quarantinePath, git } = await openQuarantine({ ...input, parentSha: headSha });
  const base = await line(git, ["merge-base", ontoSha, headSha]);
  if (base === ontoSha) return { kind: "up-to-date", quarantinePath };
  const listed = await output(git, [
    "rev-list",
    "--reverse",
    "--topo-order",
    "--no-merges",
    `${base}..${headSha}`,
  ]);
  const commits = listed.toString("utf8").split("\n").filter(Boolean);
  if (commits.length > maxCommits) throw tooMany(commits.length);
  let tip = ontoSha;
  for (const [at, commit] of commits.entries()) {
    const parent = `${commit}^`;
    const merged = await mergeTrees(git, { base: parent, ours: tip, theirs: commit });
    if (merged.conflicts.length > 0) {
      const rest = commits.slice(at);
      return {
        quarantinePath,
        ...(await markConflicts(git, { ...input, quarantinePath, tip, parent, rest })),
      };
    }
    tip = await copyCommit(git, { ...input, commit, tree: merged.treeSha, parent: tip });
  }
  await setRef(quarantinePath, { name: "commit", sha: tip });
  return { kind: "rebased", quarantinePath, sha: tip, commits: commits.length };
}

async function markConflicts(
  git: QuarantineGit,
  input: RebaseInput & { quarantinePath: string; tip: string; parent: string; rest: readonly string[] },
): Promise<Conflict> {
  const { tip, parent, rest, headSha } = input;
  const whole = await mergeTrees(git, { base: parent, ours: tip, theirs: headSha });
  const titles = await Promise.all(rest.map((commit) => line(git, ["log", "-1", "--format=%s", commit])));
  const markedSha = await line(git, ["commit-tree", whole.treeSha, "-p", tip, "-F", "-"], {
    env: identity(input, input.committer, `@${seconds(input.date)} +0000`),
    stdin: "Conflicts to resolve",
  });
  await setRef(input.quarantinePath, { name: "marked", sha: markedSha });
  return {
    kind: "conflict",
    ...{ tipSha: tip, markedSha, titles, commits: rest.length },
    paths: whole.conflicts.map(pathText),
  };
}

/** The same commit with another parent; one that would change nothing any more is left out. */
async function copyCommit(
  git: QuarantineGit,
  input: RebaseInput & { commit: string; tree: string; parent: string },
): Promise<string> {
  if (input.tree === (await line(git, ["rev-parse", `${input.parent}^{tree}`]))) return input.parent;
  const shown = await output(git, [
    "log",
    "-1",
    "--format=%an%x00%ae%x00%ad%x00%B",
    "--date=raw",
    input.commit,
  ]);
  const [name = "", email = "", date = "", ...message] = shown.toString("utf8").split("\0");
  return line(git, ["commit-tree", input.tree, "-p", input.parent, "-F", "-"], {
    env: identity(input, { name, email }, `@${date}`),
    stdin: message.join("\0").trimEnd(),
  });
}

function identity(
  { committer, date }: RebaseInput,
  author: { name: string; email: string },
  authorDate: string,
): Record<string, string> {
  return {
    // git takes no empty name, and some old commits have one.
    GIT_AUTHOR_NAME: author.name === "" ? "unknown" : author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: authorDate,
    GIT_COMMITTER_NAME: committer.name,
    GIT_COMMITTER_EMAIL: committer.email,
    GIT_COMMITTER_DATE: `@${seconds(date)} +0000`,
  };
}

const seconds = (date: Date) => Math.floor(date.getTime() / 1_000);

const tooMany = (count: number) =>
  new UserError(
    "rebase-too-many-commits",
    `This branch has ${count} commits of its own, and at most ${maxCommits} are rebased.`,
    "Merge the base into it by hand.",
  );
