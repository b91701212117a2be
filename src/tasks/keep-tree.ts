import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Deps } from "../deps.ts";
import { takeBundle } from "../sandbox/git-out.ts";
import { putTreeBack } from "../sandbox/put-tree-back.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Claim } from "./claim-store.ts";
import { turnMode } from "./turn-mode.ts";

/**
 * Remembers the working tree before a turn that only answers; what it answers puts it back. Such a turn has no tool that edits,
 * but a shell that can, and what it changed would stand in the next turn's commit. Nothing for turns of another kind.
 */
export async function keepTree(
  deps: Pick<Deps, "config" | "log">,
  input: { claim: Claim; sandbox: Sandbox; baseSha: string; directory: string; signal: AbortSignal },
): Promise<() => Promise<void>> {
  const { claim, sandbox, baseSha, directory, signal } = input;
  if (turnMode(claim).tools !== "answering") return () => Promise.resolve();
  const { maxBytes } = deps.config.checkpoints;
  const hostPath = join(directory, "before.bundle");
  const { treeSha } = await takeBundle(sandbox, { baseSha, maxBytes, hostPath, signal });
  return async () => {
    const openBundle = () => Promise.resolve(existsSync(hostPath) ? hostPath : null);
    // Not ended by the task's signal: what a stopped turn left behind is kept too.
    const put = await putTreeBack(sandbox, { treeSha, baseSha, openBundle });
    if (put === "put-back")
      deps.log.info(
        { taskId: claim.task.id },
        "a turn that only answers had changed files; they were put back",
      );
  };
}
