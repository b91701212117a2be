import { findAccountOfInstallation } from "../tasks/tenant-store.ts";
import type { IgnoredReason } from "./ignored-reason.ts";
import { recordIgnored } from "./ignored-store.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

/** Notes a trigger that is ignored before anybody asks GitHub who may do what. Answers the reason, for the log. */
export async function noteIgnored(
  deps: TriggerDeps,
  { thread, reason }: { thread: ThreadEvent; reason: IgnoredReason },
): Promise<string> {
  const accountId = await findAccountOfInstallation(deps.system, thread.installation.id);
  // Nobody of an account that has never had a task asks why.
  if (accountId === null) return reason;
  const { deliveryId, repository, issueNumber, what, sender } = thread;
  await recordIgnored(deps, {
    ...{ deliveryId, accountId, repositoryId: repository.id, issueNumber, what, reason },
    ...{ actorId: sender.id, actorLogin: sender.login },
  });
  return reason;
}
