import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import type { Steering } from "../sessions/hand-over.ts";
import type { Claim } from "./claim-store.ts";
import { addNotices } from "./fence-store.ts";
import type { Status } from "./say-status.ts";
import { listForTurn, listUnhanded, markHanded } from "./steering-store.ts";
import { renderSteering, renderSteeringPart } from "./steering-text.ts";
import type { TaskWatch } from "./task-watch.ts";

/**
 * The comments on a claimed task for its turn: those so far for its prompt, an interrupted turn's too, and those to come.
 * The thread is told how many were handed over.
 */
export async function turnSteering(
  deps: Pick<Deps, "db">,
  { claim, watch, status }: { claim: Claim; watch: TaskWatch; status: Status },
): Promise<{ promptPart: string; steering: Steering }> {
  const { fence } = claim;
  const { id: taskId, accountId } = claim.task;
  const before = await withAccount(deps.db, accountId, (tx) => listForTurn(tx, taskId));
  return {
    promptPart: renderSteeringPart(before),
    steering: {
      inPrompt: before.map(({ id }) => id),
      async pending() {
        const rows = await withAccount(deps.db, accountId, (tx) => listUnhanded(tx, taskId));
        return rows.map((row) => ({ id: row.id, text: renderSteering(row) }));
      },
      onNews: (listener) => watch.onSteered(listener),
      async handed(ids) {
        const notices = await withAccount(deps.db, accountId, async (tx) => {
          const told = { steered: await markHanded(tx, { taskId, fence, ids }) };
          await addNotices(tx, { taskId, fence, notices: told });
          return told;
        });
        status.update({ notices });
      },
    },
  };
}
