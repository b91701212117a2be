import type { Deps } from "../deps.ts";
import { requestEnds } from "../sessions/sandbox-store.ts";

/**
 * Has the session's machine ended by the reaper, which asks until the provider confirms: an agent may still run in it, and nobody
 * can tell. The next task goes on from the last checkpoint.
 */
export async function giveUpMachine(
  deps: Pick<Deps, "system" | "queue">,
  { sessionId }: { sessionId: string },
): Promise<void> {
  await requestEnds(deps.system, { sessionId }, "stopped");
  await deps.queue.enqueue(deps.system, "reap", {});
}
