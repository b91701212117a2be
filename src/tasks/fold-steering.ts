import type { Tx } from "../../db/client.ts";
import { formatPlural } from "../github/amounts.ts";
import type { Queue } from "../queue/queue.ts";
import { enqueueTask } from "./enqueue-task.ts";
import { readLimits } from "./queue-turn-store.ts";
import { listUnhanded } from "./steering-store.ts";
import { renderFollowUp } from "./steering-text.ts";
import { insertTask, type Task } from "./task-store.ts";

/**
 * Makes one further task of the comments that came too late for the task's turn, in the transaction that ends the task; null
 * when there are none. It is for the same person, who asked for what these comments are about.
 */
export async function foldSteering(
  deps: { queue: Pick<Queue, "enqueue"> },
  tx: Tx,
  ended: Task,
): Promise<string | null> {
  const rows = await listUnhanded(tx, ended.id);
  const [first] = rows;
  if (first === undefined) return null;
  const { accountId, sessionId } = ended;
  // A new conversation, or a number of turns, was asked for once.
  const options = { ...ended.options };
  delete options.newSession;
  delete options.undoTurns;
  const task = await insertTask(tx, {
    accountId,
    sessionId,
    installationId: ended.installationId,
    repositoryId: ended.repositoryId,
    issueNumber: ended.issueNumber,
    businessKey: `steering:${ended.id}`,
    deliveryId: ended.deliveryId,
    trigger: "comment",
    // GitHub's reactions on reviews and on comments of a review are other calls.
    triggerCommentId: first.kind === "comment" ? first.commentId : null,
    verb: ended.verb,
    instruction: renderFollowUp(rows),
    options,
    requesterId: ended.requesterId,
    requesterLogin: ended.requesterLogin,
    context: ended.context,
    budgetMicroUsd: ended.budgetMicroUsd,
    notices: {
      remarks: [
        `This is for ${formatPlural(rows.length, "comment")} that came too late for the turn before.`,
      ],
    },
  });
  if (task === null) return null;
  const limits = await readLimits(tx, ended.id);
  await enqueueTask(deps, tx, { taskId: task.id, accountId, sessionId, limits });
  return task.id;
}
