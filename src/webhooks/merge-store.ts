import { recordAudit } from "../../db/audit.ts";
import { withAccount } from "../../db/client.ts";
import type { TriggerDeps } from "./trigger.ts";
import { findLastSessionOfPull } from "./pull-store.ts";

/**
 * Keeps that a pull request of ours was merged, for what its work came to. The issue that it closes may have ended the session
 * before, so this is a note of its own; one delivered twice is noted twice.
 */
export async function noteMerge(
  deps: Pick<TriggerDeps, "db">,
  at: { accountId: string; repositoryId: number; pullNumber: number; by: number },
): Promise<void> {
  const { accountId, pullNumber, by } = at;
  const session = await findLastSessionOfPull(deps, at);
  if (session === null) return;
  await withAccount(deps.db, accountId, (tx) =>
    recordAudit(tx, {
      ...{ accountId, act: "session-ended", actor: `user:${by}` },
      data: { session: session.id, pull: pullNumber, merged: true },
    }),
  );
}
