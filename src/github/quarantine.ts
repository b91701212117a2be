import { mkdtemp, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
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
  await line(git, ["init", "--quiet", "--bare", "--template=", "."]);
  await writeFile(
    join(path, "objects", "info", "alternates"),
    `${join(resolve(input.mirrorPath), "objects")}\n`,
  );
  await line(git, ["update-ref", "refs/heads/parent", input.parentSha]);
  return { path, git };
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
