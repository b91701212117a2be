import { setAutofix } from "../tasks/autofix-store.ts";
import { withAccount } from "../../db/client.ts";
import { findThreadSession, type OrderOf } from "./command-order.ts";
import { replies } from "./replies.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `autofix on|off`: whether failed checks of this pull request of ours are repaired unasked. */
export async function switchAutofix(deps: TriggerDeps, order: OrderOf<"autofix">): Promise<void> {
  const { admitted, command } = order;
  const session = await findThreadSession(deps, order);
  if (session === null || session.pullNumber === null || session.writes !== "own-branch")
    return admitted.reply(replies.autofixNotHere());
  await withAccount(deps.db, session.accountId, (tx) =>
    setAutofix(tx, {
      accountId: session.accountId,
      sessionId: session.id,
      on: command.on,
      by: order.thread.sender,
    }),
  );
  return admitted.reply(replies.autofix(command.on, session.pullNumber));
}
