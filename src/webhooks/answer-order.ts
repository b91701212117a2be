import { answerTask } from "../tasks/answer-task.ts";
import { sayQueued } from "../tasks/say-status.ts";
import { findThreadSession, type Order } from "./command-order.ts";
import type { TriggerDeps } from "./trigger.ts";

/**
 * Takes plain words to a session that waits for a person as their answer; false when nobody waits, or when the order is
 * no plain words.
 */
export async function answerOrder(deps: TriggerDeps, order: Order): Promise<boolean> {
  const { thread, admitted, command, source } = order;
  if (command.verb !== "implement" || Object.keys(command.options).length > 0) return false;
  if (command.instruction === "" || thread.sender.type !== "User") return false;
  const session = await findThreadSession(deps, order);
  if (session === null) return false;
  const answered = await answerTask(deps, {
    ...{ accountId: admitted.tenant.accountId, sessionId: session.id, key: source.businessKey },
    ...{ approved: false, text: command.instruction, sha: null },
    by: { id: thread.sender.id, login: thread.sender.login },
  });
  if (answered.kind === "woken") await sayQueued(deps, admitted.client, answered);
  return answered.kind !== "nothing-asked";
}
