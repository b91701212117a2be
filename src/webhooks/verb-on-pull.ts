import type { TaskOptions } from "../../db/schema.ts";
import { findThreadSession, type Order } from "./command-order.ts";
import { replies } from "./replies.ts";
import { startTask } from "./start-task.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `review`, `rebase`, `fix-ci` and `undo`: tasks about a pull request, asked for on it or on the issue that it came from. */
export async function startOnPull(
  deps: TriggerDeps,
  order: Order,
  { verb, options = order.command.options }: { verb: string; options?: TaskOptions },
): Promise<void> {
  const { thread, admitted, command, source, issue } = order;
  const session = await findThreadSession(deps, order);
  const hasPull = thread.onPullRequest || (session !== null && session.pullNumber !== null);
  // A branch without a pull request, as `--no-pr` leaves it, can be moved back all the same.
  const hasBranch = session !== null && session.headSha !== null;
  if (!hasPull && !(verb === "undo" && hasBranch)) return admitted.reply(replies.noPullRequest(verb));
  const oursOnly = verb === "rebase" || verb === "undo";
  if (oursOnly && session !== null && session.writes !== "own-branch")
    return admitted.reply(replies.onlyOurBranch(verb));
  await startTask(deps, thread, admitted, {
    ...source,
    ...{ verb, instruction: verb === "undo" || verb === "rebase" ? "" : command.instruction, options, issue },
  });
}
