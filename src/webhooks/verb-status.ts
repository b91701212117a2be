import { describeThread } from "../tasks/describe-thread.ts";
import { toThreadRef, type Order } from "./command-order.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `status`: where the thread's tasks stand, what they cost, and what its session has. */
export async function tellStatus(deps: TriggerDeps, order: Order): Promise<void> {
  const thread = await toThreadRef(deps, order);
  const { accountId } = order.admitted.tenant;
  const repositoryId = order.thread.repository.id;
  await order.admitted.reply(await describeThread(deps, { accountId, repositoryId, thread }));
}
