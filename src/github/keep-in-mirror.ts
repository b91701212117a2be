import { resolve } from "node:path";
import { TransientError } from "../errors.ts";
import { runHostGit } from "../host-git.ts";

/** Takes a branch of a quarantine into the mirror under a name of its own, so that a session may stand on it. */
export async function keepInMirror(input: {
  mirrorPath: string;
  quarantinePath: string;
  /** Of the quarantine. */
  branch: string;
  /** Below refs/remote-claude/. */
  name: string;
  signal?: AbortSignal;
}): Promise<void> {
  const { exitCode, stderr } = await runHostGit({
    args: [
      ...["--git-dir=.", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"],
      ...[resolve(input.quarantinePath), `+refs/heads/${input.branch}:refs/remote-claude/${input.name}`],
    ],
    cwd: input.mirrorPath,
    protocol: "file",
    timeoutMs: 5 * 60_000,
    signal: input.signal,
  });
  if (exitCode !== 0)
    throw new TransientError(`keeping ${input.name} in the mirror failed: ${stderr.trim()}`);
}
