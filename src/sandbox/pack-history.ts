import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TransientError } from "../errors.ts";
import { type HostGitInput, runHostGit } from "../host-git.ts";

export type PackHistoryInput = {
  /** The bot's own bare mirror; it must hold the commit. */
  mirrorPath: string;
  sha: string;
  /** How many generations of commits, the commit itself being the first. */
  depth: number;
  /** The `.git` of a new repository of the bot, which gets the pack and, where history goes on, its boundary. */
  gitDir: string;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
};

/**
 * Copies a commit with its latest history out of the mirror, into a repository that is shallow from there on. A fetch would
 * send the same pack to itself and take it apart again, which costs three times as much. Rejects with a TransientError when the
 * mirror does not have the commit.
 */
export async function packHistory(input: PackHistoryInput): Promise<void> {
  const boundary = await findBoundary(input);
  const git = gitOf(input);
  const lines = [...boundary.map((sha) => `--shallow ${sha}`), input.sha];
  // The copy need not outlive a power cut: a broken one is seen when it is compared with its checkpoint, and made anew.
  const config = { "core.fsync": "none" };
  await git(
    [
      ...["pack-objects", "--quiet", "--revs", "--shallow", "--delta-base-offset"],
      join(resolve(input.gitDir), "objects/pack/pack"),
    ],
    { config, stdin: lines.map((line) => `${line}\n`).join("") },
  );
  if (boundary.length > 0)
    await writeFile(join(input.gitDir, "shallow"), boundary.map((sha) => `${sha}\n`).join(""));
}

/** The commits of the last generation that have parents; as git's own `--depth` counts. */
async function findBoundary(input: PackHistoryInput): Promise<string[]> {
  const git = gitOf(input);
  // Almost always the newest commits are those of the last generations; where many lines of work were merged, more are read.
  for (let count = input.depth * 4; ; count *= 8) {
    const said = await git(["rev-list", "--parents", `--max-count=${count}`, input.sha, "--"]);
    const rows = said
      .split("\n")
      .filter((row) => row !== "")
      .map((row) => row.split(" "));
    const parentsOf = new Map(rows.map(([sha = "", ...parents]) => [sha, parents]));
    const boundary = walk(parentsOf, input);
    if (boundary !== null) return boundary;
    if (rows.length < count)
      throw new TransientError(`git rev-list was to name all ancestors of ${input.sha}, and left some out`);
  }
}

/** Null when a commit on the way is not among those that were read. */
function walk(
  parentsOf: ReadonlyMap<string, readonly string[]>,
  { sha, depth }: Pick<PackHistoryInput, "sha" | "depth">,
): string[] | null {
  const seen = new Set([sha]);
  let generation = [sha];
  for (let number = 1; number < depth; number += 1) {
    const next: string[] = [];
    for (const parent of generation.flatMap((each) => parentsOf.get(each) ?? [])) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      next.push(parent);
    }
    if (next.some((each) => !parentsOf.has(each))) return null;
    generation = next;
  }
  return generation.filter((each) => parentsOf.get(each)?.length !== 0);
}

function gitOf({ mirrorPath, sha, timeoutMs, signal }: PackHistoryInput) {
  return async (
    args: readonly string[],
    options: Pick<HostGitInput, "stdin" | "config"> = {},
  ): Promise<string> => {
    const result = await runHostGit({
      args: ["--git-dir=.", ...args],
      cwd: resolve(mirrorPath),
      protocol: "none",
      timeoutMs,
      signal,
      maxStdoutBytes: 2 ** 28,
      ...options,
    });
    if (result.exitCode === 0) return result.stdout.toString("utf8");
    throw new TransientError(
      `git ${args[0] ?? ""} was to bring ${sha} from the mirror and ended with ${result.exitCode ?? result.stopped ?? "a signal"}: ${result.stderr.trim()}`,
    );
  };
}
