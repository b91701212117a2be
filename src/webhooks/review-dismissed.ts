import { withAccount } from "../../db/client.ts";
import { findAccountOfInstallation } from "../tasks/tenant-store.ts";
import { endUnbegun } from "./dismissed-store.ts";
import { reviewDismissed } from "./payloads.ts";
import type { TriggerDeps } from "./trigger.ts";

/**
 * A review that somebody has dismissed, which GitHub lets only those do who may write: its task is taken out where it still
 * waits for its turn. One that has begun goes on; `/claude stop` ends it.
 */
export async function onReviewDismissed(deps: TriggerDeps, payload: unknown): Promise<string> {
  const { installation, repository, review, sender } = reviewDismissed.parse(payload);
  const accountId = await findAccountOfInstallation(deps.system, installation.id);
  if (accountId === null) return "unknown-installation";
  return withAccount(deps.db, accountId, async (tx) => {
    const taskId = await endUnbegun(tx, {
      repositoryId: repository.id,
      businessKey: `review:${review.id}`,
      by: `${sender.login} (the review was dismissed)`,
    });
    if (taskId === null) return "nothing-waits";
    await deps.queue.enqueue(tx, "report-task", { taskId, accountId });
    return "taken-out";
  });
}
