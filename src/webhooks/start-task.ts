import { createTask, type CreateTaskInput } from "../tasks/create-task.ts";
import type { FrozenChecks } from "../tasks/frozen-context.ts";
import { findBase } from "../tasks/find-base.ts";
import { freezeContext, type FreezeInput } from "../tasks/freeze-context.ts";
import { readEffectiveSettings } from "../tasks/effective-settings.ts";
import { sayQueued } from "../tasks/say-status.ts";
import { checkNotClosedSince } from "./check-not-closed-since.ts";
import { checkBotLimit } from "./bot-limit.ts";
import { checkPlan } from "./check-plan.ts";
import { openPull } from "./open-pull.ts";
import { replies } from "./replies.ts";
import { findOpenSession } from "../sessions/session-store.ts";
import type { Tenant } from "../tasks/tenant-store.ts";
import type { Admitted, ThreadEvent, TriggerDeps } from "./trigger.ts";
import { waitForEarlier } from "./wait-for-earlier.ts";

export type StartInput = Pick<
  CreateTaskInput,
  "businessKey" | "trigger" | "triggerCommentId" | "verb" | "instruction" | "options"
> &
  Pick<FreezeInput, "issue" | "review"> & {
    /** Of `fix-ci`: what stands as failed. */
    checks?: FrozenChecks;
  };

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
  const { issue, review, checks, ...rest } = input;
  const { botIds } = admitted.settings.triggers;
  if (event.sender.type !== "User") await checkBotLimit(deps, event, { tenant, botIds });
  await checkPlan(deps, event, admitted);
  const opened = event.onPullRequest ? await openPull(deps, { event, admitted, verb: input.verb }) : null;
  const usualBase = opened === null ? await findUsualBase(deps, event, tenant, input) : null;
  const repository = { owner: client.owner, name: client.name };
  const pull = opened === null ? {} : { pull: opened.pull };
  const base = await findBase(client.octokit, {
    ...{ repository, wantedBase: input.options.base, ...pull },
    ...(usualBase === null ? {} : { usualBase }),
  });
  const [context, { settings }] = await Promise.all([
    freezeContext(client.octokit, {
      ...{ repository, issue, base, ...pull },
      ...{ requester: event.sender, triggeredAt: event.triggeredAt },
      ...(review === undefined ? {} : { review }),
    }),
    readEffectiveSettings(deps, {
      ...{ accountId: tenant.accountId, installationId: event.installation.id },
      repository: { id: event.repository.id, ...repository },
      ...{ sha: base.sha, from: { octokit: client.octokit } },
    }),
    waitForEarlier(deps, event),
    // Of a pull request openPull has seen whether it is open.
    opened === null
      ? checkNotClosedSince(client.octokit, {
          repository,
          issueNumber: event.issueNumber,
          triggeredAt: event.triggeredAt,
        })
      : null,
  ]);
  const created = await createTask(deps, {
    ...rest,
    settings,
    accountId: tenant.accountId,
    installationId: event.installation.id,
    repositoryId: event.repository.id,
    deliveryId: event.deliveryId,
    requester: { id: event.sender.id, login: event.sender.login },
    context: checks === undefined ? context : { ...context, checks },
    // Nobody needs to have a bot explain to another how this works.
    ...(event.sender.type === "User" ? { greeting: replies.greeting() } : {}),
    ...(opened?.personsPull === undefined ? {} : { personsPull: opened.personsPull }),
  });
  if (created?.mustWait === true) await sayQueued(deps, client, created);
}

/** Where the issue's work goes to, also after somebody has pointed its pull request at another branch; null before there is any. */
async function findUsualBase(
  deps: TriggerDeps,
  { repository, issueNumber }: ThreadEvent,
  { accountId }: Tenant,
  { options }: StartInput,
): Promise<string | null> {
  if (options.newSession === true) return null;
  const session = await findOpenSession(deps.db, { accountId, repositoryId: repository.id, issueNumber });
  return session?.baseRef ?? null;
}
