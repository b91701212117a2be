import type { TaskOptions } from "../../db/schema.ts";
import { createTask } from "../tasks/create-task.ts";
import { findRepeatable } from "../tasks/retry-task.ts";
import { sayQueued } from "../tasks/say-status.ts";
import type { Task } from "../tasks/task-store.ts";
import { checkPlan } from "./check-plan.ts";
import { toThreadRef, type Order } from "./command-order.ts";
import { replies } from "./replies.ts";
import { startTask } from "./start-task.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `retry`: the thread's last task again, with the given options over its own. */
export async function retryTask(deps: TriggerDeps, order: Order): Promise<void> {
  const { admitted, command, source } = order;
  const found = await findRepeatable(deps, {
    accountId: admitted.tenant.accountId,
    thread: await toThreadRef(deps, order),
    businessKey: source.businessKey,
    options: command.options,
  });
  switch (found.kind) {
    case "repeated-before":
      return;
    case "nothing":
      return admitted.reply(replies.nothingToRetry());
    case "open":
      return admitted.reply(replies.notWhileOpen(found.task.status === "waiting"));
    case "again":
      return startAgain(deps, order, { last: found.last, options: found.options });
  }
}

/** Makes the task anew from the thread as it is now; a review or failed checks, which only its own trigger brought, are kept. */
export async function startAgain(
  deps: TriggerDeps,
  order: Order,
  {
    last,
    options,
    instruction = last.instruction,
  }: { last: Task; options: TaskOptions; instruction?: string },
): Promise<void> {
  const { thread, admitted, source } = order;
  const { verb, context } = last;
  if (context.review === null && context.checks === null)
    return startTask(deps, thread, admitted, { ...source, verb, instruction, options, issue: order.issue });
  await checkPlan(deps, thread, admitted);
  const created = await createTask(deps, {
    ...source,
    ...{ verb, instruction, options, context },
    settings: admitted.settings,
    accountId: admitted.tenant.accountId,
    installationId: thread.installation.id,
    repositoryId: thread.repository.id,
    deliveryId: thread.deliveryId,
    requester: { id: thread.sender.id, login: thread.sender.login },
  });
  if (created?.mustWait === true) await sayQueued(deps, admitted.client, created);
}
