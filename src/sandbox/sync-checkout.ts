import { randomBytes } from "node:crypto";
import { insideGitEnv } from "./inside-git.ts";
import { type NewsInput, readNews } from "./read-news.ts";
import type { Sandbox } from "./sandbox.ts";
import { syncScript } from "./sync-script.ts";

/** The checkout is moved to `sha`, with what is new in the mirror. */
export type SyncCheckoutInput = NewsInput & { branch: string };

/**
 * synced: the checkout stands on the commit, and what people pushed meanwhile is in the files; `kept` tells whether the
 * files that belong to no commit are as the agent left them (false: some stood in the way and were replaced).
 * lost: the checkout cannot be brought there; remove it and check out anew.
 */
export type SyncedCheckout = { kind: "synced"; kept: boolean } | { kind: "lost" };

const timeoutMs = 5 * 60_000;

/** Moves a checkout of an earlier turn to the commit where its branch stands now, with as few objects as possible. */
export async function syncCheckout(sandbox: Sandbox, input: SyncCheckoutInput): Promise<SyncedCheckout> {
  const news = await readNews(input);
  if (news === null) return { kind: "lost" };
  const packPath = `${sandbox.paths.tmp}/sync-${randomBytes(8).toString("hex")}.pack`;
  await sandbox.writeFile(packPath, news.pack);
  const { sha, madeSha, branch } = input;
  const { repo } = sandbox.paths;
  const result = await sandbox.exec({
    argv: ["/bin/sh", "-c", syncScript, "sync", repo, packPath, sha, madeSha, branch, ...news.edges],
    env: insideGitEnv,
    timeoutMs,
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  input.signal?.throwIfAborted();
  const said = result.stdoutTail.trim();
  if (result.exitCode !== 0 || (said !== "kept" && said !== "replaced")) return { kind: "lost" };
  return { kind: "synced", kept: said === "kept" };
}
