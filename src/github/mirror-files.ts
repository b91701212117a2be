import { runHostGit } from "../host-git.ts";

type MirrorCommit = { mirrorPath: string; sha: string };

const timeoutMs = 30_000;

/** Paths of the files that stand directly in these directories ("" is the root, others end with a slash) at a commit. */
export async function listMirrorFiles(
  input: MirrorCommit & { directories: readonly string[] },
): Promise<string[]> {
  const pathspecs = input.directories.filter((directory) => directory !== "");
  const listings = [[], ...(pathspecs.length > 0 ? [pathspecs] : [])].map((paths) => list(input, paths));
  return (await Promise.all(listings)).flat();
}

async function list(input: MirrorCommit, paths: readonly string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await runHostGit({
    args: ["ls-tree", "-z", "--name-only", "--full-tree", input.sha, "--", ...paths],
    cwd: input.mirrorPath,
    protocol: "none",
    timeoutMs,
  });
  if (exitCode !== 0) throw new Error(`git could not list ${input.sha}: ${stderr.trim()}`);
  return stdout.toString("utf8").split("\0").filter(Boolean);
}

/** A text file of a commit; null when it is not there or larger than maxBytes. */
export async function readMirrorFile(
  input: MirrorCommit & { path: string; maxBytes: number },
): Promise<string | null> {
  const { exitCode, stopped, stdout } = await runHostGit({
    args: ["cat-file", "blob", `${input.sha}:${input.path}`],
    cwd: input.mirrorPath,
    protocol: "none",
    timeoutMs,
    maxStdoutBytes: input.maxBytes,
  });
  return exitCode === 0 && stopped === null ? stdout.toString("utf8") : null;
}

/** The first parent of a commit; null when the mirror has not got both of them. */
export async function readParent(mirrorPath: string, sha: string): Promise<string | null> {
  const { exitCode, stdout } = await runHostGit({
    args: ["--git-dir=.", "rev-parse", "--verify", "--quiet", `${sha}^1^{commit}`],
    cwd: mirrorPath,
    protocol: "none",
    timeoutMs,
  });
  return exitCode === 0 ? stdout.toString("utf8").trim() : null;
}
