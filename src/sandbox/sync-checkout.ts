import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { type HostGitInput, runHostGit } from "../host-git.ts";
import { fullSha, insideGitEnv } from "./inside-git.ts";
import type { Sandbox } from "./sandbox.ts";

export type SyncCheckoutInput = {
  mirrorPath: string;
  /** Where the branch stands now; the checkout is moved to it. */
  sha: string;
  /** A commit that came in by checkOut or an earlier syncCheckout. */
  presentSha: string;
  /** The commit that was last made of this working tree; presentSha when there was none. */
  madeSha: string;
  branch: string;
  signal?: AbortSignal;
};

/**
 * synced: the checkout stands on the commit, and what people pushed meanwhile is in the files; `kept` tells whether the
 * files that belong to no commit are as the agent left them (false: some stood in the way and were replaced).
 * lost: the checkout cannot be brought there; remove it and check out anew.
 */
export type SyncedCheckout = { kind: "synced"; kept: boolean } | { kind: "lost" };

const timeoutMs = 5 * 60_000;
/** More than this is not faster than a new checkout. */
const maxPackBytes = 128 * 2 ** 20;

/** Moves a checkout of an earlier turn to the commit where its branch stands now, with as few objects as possible. */
export async function syncCheckout(sandbox: Sandbox, input: SyncCheckoutInput): Promise<SyncedCheckout> {
  for (const sha of [input.sha, input.presentSha, input.madeSha]) {
    if (!fullSha.test(sha)) throw new TypeError(`expected a full commit id, got ${sha}`);
  }
  const news = await readNews(input);
  if (news === null) return { kind: "lost" };
  const packPath = `${sandbox.paths.tmp}/sync-${randomBytes(8).toString("hex")}.pack`;
  await sandbox.writeFile(packPath, news.pack);
  const { sha, madeSha, branch } = input;
  const { repo } = sandbox.paths;
  const result = await sandbox.exec({
    argv: ["/bin/sh", "-c", script, "sync", repo, packPath, sha, madeSha, branch, ...news.edges],
    env: insideGitEnv,
    timeoutMs,
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  input.signal?.throwIfAborted();
  const said = result.stdoutTail.trim();
  if (result.exitCode !== 0 || (said !== "kept" && said !== "replaced")) return { kind: "lost" };
  return { kind: "synced", kept: said === "kept" };
}

/** What the sandbox has not seen yet, and the commits it rests on; null when the mirror does not know the commits. */
async function readNews(input: SyncCheckoutInput): Promise<{ pack: Uint8Array; edges: string[] } | null> {
  const mirror = resolve(input.mirrorPath);
  const git = async (args: readonly string[], options?: Pick<HostGitInput, "stdin" | "maxStdoutBytes">) => {
    const result = await runHostGit({
      args: ["--git-dir=.", ...args],
      cwd: mirror,
      protocol: "none",
      timeoutMs,
      signal: input.signal,
      // With a bitmap git would leave out what only older commits hold, and those a shallow checkout does not have.
      config: { "pack.useBitmaps": "false" },
      ...options,
    });
    return result.exitCode === 0 ? result.stdout : null;
  };
  const tips = [...new Set([input.sha, input.madeSha])];
  const range = [...tips, `^${input.presentSha}`];
  const listed = await git(["rev-list", "--boundary", ...range]);
  if (listed === null) return null;
  const lines = listed.toString("utf8").split("\n");
  const edges = lines.filter((row) => row.startsWith("-")).map((row) => row.slice(1));
  const pack = await git(["pack-objects", "--quiet", "--revs", "--thin", "--delta-base-offset", "--stdout"], {
    stdin: range.map((rev) => `${rev}\n`).join(""),
    maxStdoutBytes: maxPackBytes,
  });
  return pack === null ? null : { pack, edges };
}

/** Constant; paths, commits and the branch come as arguments. Every failure makes the checkout a lost one. */
const script = `
set -u
repo=$1 pack=$2 sha=$3 made=$4 branch=$5
shift 5
# What an earlier one left behind when it was killed goes with it.
trap 'rm -f "\${pack%/*}"/sync-*.pack' EXIT
cd "$repo" || exit 3
for edge in "$@"; do git cat-file -e "$edge^{tree}" || exit 4; done
git index-pack --stdin --fix-thin <"$pack" >/dev/null || exit 4
rm -f .git/index.lock .git/HEAD.lock
git symbolic-ref HEAD "refs/heads/$branch" && git update-ref "refs/heads/$branch" "$sha" || exit 4
git read-tree --reset "$made" 2>/dev/null || { rm -f .git/index; git read-tree "$made" || exit 4; }
git update-index -q --refresh >/dev/null
if git read-tree -m -u "$made" "$sha" 2>/dev/null; then
  echo kept
else
  git read-tree --reset -u "$sha" || exit 4
  echo replaced
fi
`;
