import { and, eq, inArray, notInArray } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { session, task } from "../../db/schema.ts";
import { endSession } from "../sessions/session-store.ts";
import { openStatuses } from "./task-store.ts";

export type Conversation = { repositoryId: number; issueNumber: number };

/**
 * The id of the issue's open session, which nobody ends or begins anew until the transaction is over; null when
 * there is none.
 */
export async function lockConversation(tx: Tx, input: Conversation): Promise<string | null> {
  const [row] = await tx
    .select({ id: session.id })
    .from(session)
    .where(
      and(
        eq(session.repositoryId, input.repositoryId),
        eq(session.issueNumber, input.issueNumber),
        notInArray(session.status, ["terminated", "failed"]),
      ),
    )
    .for("update");
  return row?.id ?? null;
}

/** What stands in the way of a new conversation; "asked-before": this very request has had its task. */
export type BegunAnew = "begun" | "asked-before" | "busy";

/** Ends a locked session, so that the next task begins a new one, unless a task of it is still open. */
export async function beginAnew(
  tx: Tx,
  input: { sessionId: string; businessKey: string },
): Promise<BegunAnew> {
  if ((await tx.$count(task, eq(task.businessKey, input.businessKey))) > 0) return "asked-before";
  const open = and(eq(task.sessionId, input.sessionId), inArray(task.status, [...openStatuses]));
  if ((await tx.$count(task, open)) > 0) return "busy";
  await endSession(tx, input.sessionId);
  return "begun";
}
