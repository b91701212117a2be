import { createTask, type CreatedTask, type CreateTaskInput } from "../tasks/create-task.ts";
import { freezeContext, type FreezeInput } from "../tasks/freeze-context.ts";
import { readEffectiveSettings } from "../tasks/effective-settings.ts";
import { settleOptions } from "../tasks/settle-options.ts";
import { sayQueued } from "../tasks/say-status.ts";
import { checkBotLimit } from "./bot-limit.ts";
import { greetOnce } from "./greeting-store.ts";
import { openPull } from "./open-pull.ts";
import { replies } from "./replies.ts";
import type { Admitted, ThreadEvent, TriggerDeps } from "./trigger.ts";
import { waitForEarlier } from "./wait-for-earlier.ts";

export type StartInput = Pick<
  CreateTaskInput,
  "businessKey" | "trigger" | "triggerCommentId" | "verb" | "instruction" | "options"
> &
  Pick<FreezeInput, "issue" | "review">;

/**
 * Freezes the thread and makes the task; when it must wait, the thread hears its place in the line. A request that
 * has been made into a task before changes nothing. UserErrors say why a pull request cannot be worked on.
 */
export async function startTask(
  deps: TriggerDeps,
  event: ThreadEvent,
  admitted: Admitted,
  input: StartInput,
): Promise<void> {
  const { client, tenant } = admitted;
  const { issue, review, ...rest } = input;
  if (event.sender.type !== "User") await checkBotLimit(deps, event, tenant);
  const opened = event.onPullRequest ? await openPull(deps, { event, admitted, verb: input.verb }) : null;
  const context = await freezeContext(client.octokit, {
    repository: { owner: client.owner, name: client.name },
    issue,
    requester: event.sender,
    triggeredAt: event.triggeredAt,
    wantedBase: input.options.base,
    ...(opened === null ? {} : { pull: opened.pull }),
    ...(review === undefined ? {} : { review }),
  });
  const [{ settings }] = await Promise.all([
    readEffectiveSettings(deps, {
      ...{ accountId: tenant.accountId, installationId: event.installation.id },
      repository: { id: event.repository.id, owner: client.owner, name: client.name },
      ...{ sha: context.base.sha, from: { octokit: client.octokit } },
    }),
    waitForEarlier(deps, event),
  ]);
  const created = await createTask(deps, {
    ...rest,
    options: settleOptions(input.options, settings, deps.config),
    branchTemplate: settings.branchTemplate,
    accountId: tenant.accountId,
    installationId: event.installation.id,
    repositoryId: event.repository.id,
    deliveryId: event.deliveryId,
    requester: { id: event.sender.id, login: event.sender.login },
    context,
    ...(opened?.personsPull === undefined ? {} : { personsPull: opened.personsPull }),
  });
  if (created === null) return;
  const task = await greet(deps, event, created);
  if (created.mustWait) await sayQueued(deps, client, { ...created, task });
}

/** Nobody needs to have a bot explain to another how this works. */
async function greet(
  deps: TriggerDeps,
  { sender }: ThreadEvent,
  { task }: CreatedTask,
): Promise<CreatedTask["task"]> {
  if (sender.type !== "User") return task;
  const { accountId, id: taskId } = task;
  const remarks = replies.greeting();
  return (await greetOnce(deps, { accountId, userId: sender.id, taskId, remarks })) ?? task;
}
