import { randomBytes } from "node:crypto";
import { fullSha, insideGitEnv } from "./inside-git.ts";
import type { Sandbox } from "./sandbox.ts";
import { stateScript } from "./state-script.ts";

export type CheckoutState = {
  /** The whole working tree, files that belong to no commit included. */
  treeSha: string;
  /** SHA-256 of the conversation's transcript, hex; null when there is none. */
  transcriptSha256: string | null;
};

/** What a machine holds now, told by the machine itself; null when there is no checkout that can be read. */
export async function readCheckoutState(
  sandbox: Sandbox,
  input: { baseSha: string; transcriptPath: string; signal?: AbortSignal },
): Promise<CheckoutState | null> {
  if (!fullSha.test(input.baseSha)) throw new TypeError(`expected a full commit id, got ${input.baseSha}`);
  const { paths } = sandbox;
  const work = `${paths.tmp}/out-${randomBytes(8).toString("hex")}`;
  const { exitCode, stdoutTail } = await sandbox.exec({
    argv: ["/bin/sh", "-c", stateScript, "read-state", paths.repo, work, input.baseSha, input.transcriptPath],
    env: insideGitEnv,
    timeoutMs: 10 * 60_000,
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  input.signal?.throwIfAborted();
  return exitCode === 0 ? parseCheckoutState(stdoutTail.trim()) : null;
}

/** What `stateScript` has said; null when it is something else. */
export function parseCheckoutState(said: string): CheckoutState | null {
  const [, treeSha, digest] = /^tree ([0-9a-f]{40,64}) transcript ([0-9a-f]{64}|none)$/.exec(said) ?? [];
  if (treeSha === undefined || digest === undefined) return null;
  return { treeSha, transcriptSha256: digest === "none" ? null : digest };
}
