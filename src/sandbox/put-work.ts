import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { bundleRef } from "./git-out.ts";
import { insideGitEnv } from "./inside-git.ts";
import { type Sandbox, SandboxError } from "./sandbox.ts";

/**
 * Puts a working tree that `takeBundle` took out back into a fresh checkout of its base commit: the files as they were,
 * what belonged to no commit included, the index on the base. Rejects with a SandboxError "refused" when it does not fit.
 */
export async function putWork(
  sandbox: Sandbox,
  input: { bundlePath: string; treeSha: string; signal?: AbortSignal },
): Promise<void> {
  const { paths } = sandbox;
  const inside = `${paths.tmp}/in-${randomBytes(8).toString("hex")}.bundle`;
  await sandbox.writeFile(inside, await readFile(input.bundlePath));
  try {
    const { exitCode, signal, stdoutTail, stderrTail } = await sandbox.exec({
      argv: ["/bin/sh", "-c", script, "put-work", paths.repo, inside],
      env: insideGitEnv,
      timeoutMs: 10 * 60_000,
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    });
    input.signal?.throwIfAborted();
    if (exitCode === 0 && stdoutTail.trim() === input.treeSha) return;
    throw new SandboxError(
      "refused",
      `putting the work back ended with ${exitCode ?? signal ?? "nothing"}, tree ${stdoutTail.trim() || "none"} instead of ${input.treeSha}: ${stderrTail.trim()}`,
    );
  } finally {
    await sandbox.remove(inside);
  }
}

/** Constant; the checkout and the bundle come as arguments. */
const script = `
set -u
repo=$1 bundle=$2
cd "$repo" || exit 3
tip=$(git bundle unbundle "$bundle" ${bundleRef}) || exit 4
tip=\${tip%% *}
git read-tree --reset -u "$tip" || exit 4
git rev-parse "$tip^{tree}"
git reset --quiet --mixed HEAD
`;
