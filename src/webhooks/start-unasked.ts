import { withAccount } from "../../db/client.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import type { PullFacts } from "../github/read-pull.ts";
import type { Settings } from "../github/settings-values.ts";
import { hasRoleOf, readAccess } from "../github/thread.ts";
import type { Session } from "../sessions/session-store.ts";
import { hasOpenTask } from "../tasks/checks-store.ts";
import { createTask, type CreateTaskInput } from "../tasks/create-task.ts";
import { findBase } from "../tasks/find-base.ts";
import { freezeContext } from "../tasks/freeze-context.ts";
import type { FrozenChecks } from "../tasks/frozen-context.ts";
import { hasPrice } from "../tasks/has-price.ts";
import { sayQueued } from "../tasks/say-status.ts";
import type { Task } from "../tasks/task-store.ts";
import { mayBegin } from "./check-plan.ts";
import type { TriggerDeps } from "./trigger.ts";

export type Unasked = {
  session: Session;
  installationId: number;
  client: RepositoryClient;
  pull: PullFacts;
  settings: Settings;
  /** The last task that a person asked for: this one is for the same person. */
  asked: Task;
  checks?: FrozenChecks;
} & Pick<CreateTaskInput, "businessKey" | "deliveryId" | "trigger" | "verb" | "remarks">;

/**
 * Starts a task on a pull request of ours that nobody gave a command for, so it is done for a person only while that person
 * may still give one. `made-before`: this very request has had its task.
 */
export async function startUnasked(
  deps: TriggerDeps,
  input: Unasked,
): Promise<"started" | "no-write-access" | "no-plan" | "busy" | "made-before"> {
  const { session, installationId, client, pull, settings, asked, checks } = input;
  const { accountId, repositoryId, id: sessionId } = session;
  const { businessKey, deliveryId, trigger, verb, remarks } = input;
  const repository = { owner: client.owner, name: client.name };
  const requester = { id: asked.requesterId, login: asked.requesterLogin };
  const access = await readAccess(client.octokit, { repository, user: requester });
  if (!hasRoleOf(access, settings.triggers.roles)) return "no-write-access";
  // What has no price is said to those who ask for something.
  if (!(await mayBegin(deps, accountId)) || !hasPrice(settings)) return "no-plan";
  const context = await freezeContext(client.octokit, {
    ...{ repository, requester, pull, triggeredAt: deps.clock.now() },
    issue: { ...pull, html_url: pull.url, user: pull.author },
    base: await findBase(client.octokit, { repository, pull }),
  });
  if (await withAccount(deps.db, accountId, (tx) => hasOpenTask(tx, sessionId))) return "busy";
  const created = await createTask(deps, {
    ...{ accountId, installationId, repositoryId, settings },
    ...{ businessKey, deliveryId, trigger, triggerCommentId: null },
    ...{ verb, instruction: "", options: {}, requester },
    ...(remarks === undefined ? {} : { remarks }),
    context: checks === undefined ? context : { ...context, checks },
  });
  if (created === null) return "made-before";
  if (created.mustWait) await sayQueued(deps, client, created);
  return "started";
}
