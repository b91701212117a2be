import { cancelTasks } from "../tasks/cancel-task.ts";
import { findThreadSession, type Order } from "./command-order.ts";
import { replies } from "./replies.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `stop`: ends every open task of the thread's session and keeps its work. */
export async function stopTasks(deps: TriggerDeps, order: Order): Promise<void> {
  const { thread, admitted } = order;
  const { accountId } = admitted.tenant;
  const session = await findThreadSession(deps, order);
  const { stopping, ended } =
    session === null
      ? { stopping: [], ended: [] }
      : await cancelTasks(deps, { accountId, scope: { sessionId: session.id }, by: thread.sender.login });
  // The status comments say the rest; only a stop that met nothing needs words of its own.
  if (stopping.length + ended.length === 0) await admitted.reply(replies.nothingToStop());
}
