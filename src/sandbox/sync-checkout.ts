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

