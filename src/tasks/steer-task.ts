import { withAccount, type Db } from "../../db/client.ts";
import { findSteerable, insertSteering, type NewSteering } from "./steering-store.ts";

/**
 * What becomes of a comment: its task's running (or coming) turn gets it before its next model call · its turn is over, so
 * the follow-up of the task has it · the session runs no task. The first is a promise to try: what the turn does not take
 * is in the follow-up too.
 */
export type Steered = "handed-to-turn" | "queued-for-follow-up" | "no-running-task";

export type SteerInput = {
  accountId: string;
  sessionId: string;
  /** By somebody who may write; `text` without what people cannot see. */
  comment: Pick<NewSteering, "kind" | "commentId" | "author" | "text">;
};

/** Gives a comment to the session's running task; the same comment again changes nothing. */
export async function steerTask(deps: { db: Db }, input: SteerInput): Promise<Steered> {
  const { accountId, sessionId, comment } = input;
  return withAccount(deps.db, accountId, async (tx) => {
    const found = await findSteerable(tx, { sessionId });
    if (found === null) return "no-running-task";
    await insertSteering(tx, { ...comment, accountId, taskId: found.taskId });
    return found.turnOver ? "queued-for-follow-up" : "handed-to-turn";
  });
}
