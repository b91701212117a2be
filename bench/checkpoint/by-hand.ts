import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { insideGitEnv } from "../../src/sandbox/inside-git.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";

/** A clone of the mirror on the host, its files written inside the machine, as one would do it by hand; milliseconds. */
export async function scriptedClone(
  sandbox: Sandbox,
  { mirrorPath, hostPath }: { mirrorPath: string; hostPath: string },
): Promise<number> {
  const since = performance.now();
  const clone = ["clone", "--quiet", "--no-local", "--no-checkout", "--depth", "50", "--branch", "main"];
  const child = spawn("git", [...clone, `file://${resolve(mirrorPath)}`, hostPath], {
    env: { PATH: process.env.PATH, HOME: "/nonexistent" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`git clone ended with ${code}`);
  await run(sandbox, "git checkout --quiet main");
  return performance.now() - since;
}

/** Git's own time for what a checkpoint holds, without the way into the machine and out of it; milliseconds. */
export async function scriptedCheckpoint(sandbox: Sandbox, baseSha: string): Promise<number> {
  const said = await run(sandbox, checkpointScript, baseSha);
  const [from, to] = said.trim().split(" ").map(Number);
  if (from === undefined || to === undefined) throw new Error(`expected two times, got ${said}`);
  return (to - from) / 1e6;
}

const checkpointScript = `
set -e
export GIT_INDEX_FILE=/workspace/tmp/by-hand.index GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example.org
export GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example.org
from=$(date +%s%N)
cp -p .git/index "$GIT_INDEX_FILE"
git add -A
commit=$(git commit-tree "$(git write-tree)" -p HEAD -m work)
git update-ref refs/bot/work "$commit"
git bundle create --quiet /workspace/tmp/by-hand.bundle "$1..refs/bot/work"
echo "$from $(date +%s%N)"
git update-ref -d refs/bot/work
rm /workspace/tmp/by-hand.bundle "$GIT_INDEX_FILE"`;

async function run(sandbox: Sandbox, script: string, ...args: string[]): Promise<string> {
  const result = await sandbox.exec({
    argv: ["/bin/sh", "-c", script, "by-hand", ...args],
    cwd: sandbox.paths.repo,
    env: insideGitEnv,
    timeoutMs: 60_000,
  });
  if (result.exitCode !== 0)
    throw new Error(`by hand it ended with ${result.exitCode}: ${result.stderrTail}`);
  return result.stdoutTail;
}
