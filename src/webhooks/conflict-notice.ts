import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { listSessionsOnto } from "./conflict-store.ts";
import type { TriggerDeps } from "./trigger.ts";

/** GitHub works out anew which pull requests can be merged; and what is merged in one go is looked at once. */
const settleMs = 2_000;

type Occasion = { accountId: string; sessionId: string; deliveryId: string };

/** A branch has moved on, because something was merged into it: each pull request of ours that goes there is looked at, by a job. */
export async function noticeBaseMoved(
  deps: Pick<TriggerDeps, "db" | "queue">,
  input: { accountId: string; repositoryId: number; baseRef: string; deliveryId: string },
): Promise<void> {
  const { accountId, deliveryId } = input;
  await withAccount(deps.db, accountId, async (tx) => {
    for (const sessionId of await listSessionsOnto(tx, input))
      await noticeConflict(deps, tx, { accountId, sessionId, deliveryId });
  });
}

/** One pull request of ours may not merge any more: a job looks whether that is so. */
export async function noticeConflict(
  { queue }: Pick<TriggerDeps, "queue">,
  tx: Tx | Db,
  { accountId, sessionId, deliveryId }: Occasion,
): Promise<void> {
  const look = { accountId, sessionId, deliveryId, round: 0 };
  await queue.enqueue(tx, "conflict", look, { key: sessionId, startAfterMs: settleMs });
}
