import { randomBytes } from "node:crypto";
import { type CheckoutState, parseCheckoutState } from "../../src/sandbox/checkout-state.ts";
import { insideGitEnv } from "../../src/sandbox/inside-git.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { stateScript } from "../../src/sandbox/state-script.ts";

/** What a machine says that it holds, and nothing else is done; null when there is no checkout that can be read. */
export async function readCheckoutState(
  sandbox: Sandbox,
  input: { baseSha: string; transcriptPath: string },
): Promise<CheckoutState | null> {
  const { paths } = sandbox;
  const work = `${paths.tmp}/out-${randomBytes(8).toString("hex")}`;
  const { exitCode, stdoutTail } = await sandbox.exec({
    argv: ["/bin/sh", "-c", stateScript, "read-state", paths.repo, work, input.baseSha, input.transcriptPath],
    env: insideGitEnv,
    timeoutMs: 60_000,
  });
  return exitCode === 0 ? parseCheckoutState(stdoutTail.trim()) : null;
}
