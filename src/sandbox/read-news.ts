import { resolve } from "node:path";
import { type HostGitInput, runHostGit } from "../host-git.ts";
import { fullSha } from "./inside-git.ts";

export type NewsInput = {
  mirrorPath: string;
  /** Where the branch stands now. */
  sha: string;
  /** A commit that came in by checkOut or an earlier syncCheckout. */
  presentSha: string;
  /** The commit that was last made of the working tree; presentSha when there was none. */
  madeSha: string;
  signal?: AbortSignal;
};

/** Objects that a sandbox has not seen yet, as a thin pack, and the commits that they rest on. */
export type News = { pack: Uint8Array; edges: string[] };

const timeoutMs = 5 * 60_000;
/** More than this is not faster than a new checkout. */
const maxPackBytes = 128 * 2 ** 20;

/** What the sandbox has not seen yet, and the commits it rests on; null when the mirror does not know the commits. */
export async function readNews(input: NewsInput): Promise<News | null> {
  for (const sha of [input.sha, input.presentSha, input.madeSha]) {
    if (!fullSha.test(sha)) throw new TypeError(`expected a full commit id, got ${sha}`);
  }
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
  const [listed, pack] = await Promise.all([
    git(["rev-list", "--boundary", ...range]),
    git(["pack-objects", "--quiet", "--revs", "--thin", "--delta-base-offset", "--stdout"], {
      stdin: range.map((rev) => `${rev}\n`).join(""),
      maxStdoutBytes: maxPackBytes,
    }),
  ]);
  if (listed === null || pack === null) return null;
  const lines = listed.toString("utf8").split("\n");
  const edges = lines.filter((row) => row.startsWith("-")).map((row) => row.slice(1));
  return { pack, edges };
}
