import { recordAudit } from "../../db/audit.ts";
import { withAccount } from "../../db/client.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

/** Notes that the gate has let somebody through; what then came of it has notes of its own. */
export async function recordAdmitted(
  deps: Pick<TriggerDeps, "db">,
  { accountId, event }: { accountId: string; event: ThreadEvent },
): Promise<void> {
  const { deliveryId, repository, issueNumber, what, sender } = event;
  await withAccount(deps.db, accountId, (tx) =>
    recordAudit(tx, {
      ...{ accountId, act: "gate-admitted", actor: `user:${sender.id}` },
      data: {
        delivery: deliveryId,
        repository: repository.id,
        issue: issueNumber,
        what,
        login: sender.login,
      },
    }),
  );
}
