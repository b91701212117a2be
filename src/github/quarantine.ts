import { mkdtemp, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { makeGitDirectory } from "../git-directory.ts";
import { type HostGitInput, type HostGitResult, runHostGit } from "../host-git.ts";

/** git in one bare repository of the bot. */
export type QuarantineGit = (
  args: readonly string[],
  options?: Partial<
    Pick<HostGitInput, "stdin" | "env" | "protocol" | "config" | "maxStdoutBytes" | "wrapper">
  >,
) => Promise<HostGitResult>;

/** An empty repository that borrows the mirror's objects: whatever comes into it, the mirror stays as it is. */
export async function openQuarantine(input: {
  mirrorPath: string;
  tempDir: string;
  parentSha: string;
  signal?: AbortSignal;
}): Promise<{ path: string; git: QuarantineGit }> {
  const path = await mkdtemp(join(resolve(input.tempDir), "quarantine-"));
  const git: QuarantineGit = (args, options = {}) =>
    runHostGit({
      args: ["--git-dir=.", ...args],
      cwd: path,
      protocol: "none",
      timeoutMs: 5 * 60_000,
      signal: input.signal,
      ...options,
    });
  await makeGitDirectory(path, { bare: true, branch: "parent", sha: input.parentSha });
  await writeFile(
    join(path, "objects", "info", "alternates"),
    `${join(resolve(input.mirrorPath), "objects")}\n`,
  );
  return { path, git };
}

/** Sets a branch of the quarantine; a file is quicker than a process, and nobody else works there. */
export async function setRef(path: string, ref: { name: string; sha: string }): Promise<void> {
  if (!/^[0-9a-f]{40,64}$/.test(ref.sha)) throw new TypeError(`expected a full commit id, got ${ref.sha}`);
  await writeFile(join(path, "refs", "heads", ref.name), `${ref.sha}\n`);
}

/** The object ids and types of several revisions, in their order; null for one that is not there. */
export async function resolveRevisions(
  git: QuarantineGit,
  revisions: readonly string[],
): Promise<({ sha: string; type: string } | null)[]> {
  const stdin = revisions.map((revision) => `${revision}\n`).join("");
  const told = await output(git, ["cat-file", "--batch-check=%(objectname) %(objecttype)"], { stdin });
  const rows = told.toString("utf8").split("\n");
  return revisions.map((_, index) => {
    const [, sha, type] = /^([0-9a-f]{40,64}) (commit|tree|blob|tag)$/.exec(rows[index] ?? "") ?? [];
    return sha === undefined || type === undefined ? null : { sha, type };
  });
}

/** The command's output; anything but success is our own mistake or the disk's. */
export async function output(git: QuarantineGit, ...call: Parameters<QuarantineGit>): Promise<Buffer> {
  const result = await git(...call);
  if (result.exitCode === 0) return result.stdout;
  const how = result.exitCode ?? result.stopped ?? "a signal";
  throw new Error(`git ${call[0].join(" ")} ended with ${how} in the quarantine: ${result.stderr.trim()}`);
}

/** The command's output as one trimmed line. */
export async function line(git: QuarantineGit, ...call: Parameters<QuarantineGit>): Promise<string> {
  return (await output(git, ...call)).toString("utf8").trim();
}
