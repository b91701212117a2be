import { withAccount } from "../../db/client.ts";
import { renderIgnored } from "./command-ignored-list.ts";
import type { Order } from "./command-order.ts";
import { sayIgnoredReason } from "./ignored-reason.ts";
import { listIgnored } from "./ignored-store.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `why`: the triggers of this thread that started nothing, each with its reason in words. */
export async function tellWhy(deps: TriggerDeps, order: Order): Promise<void> {
  const { thread, admitted } = order;
  const at = { repositoryId: thread.repository.id, issueNumber: thread.issueNumber };
  const rows = await withAccount(deps.db, admitted.tenant.accountId, (tx) => listIgnored(tx, at));
  await admitted.reply(renderIgnored(rows.map((row) => ({ ...row, reason: sayIgnoredReason(row.reason) }))));
}
