import { and, desc, eq, gte, inArray, isNull, lt, notInArray, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { checkpoint, session, step, task } from "../../db/schema.ts";
import type { Outcome } from "./outcome.ts";

/** A task whose work stands on the branch: what it pushed, and what that was pushed onto. */
export type PublishedTurn = { taskId: string; title: string; sha: string; parentSha: string };

/** These move the branch without being work of their own. */
const movingVerbs = ["undo", "rebase"];

/** The session's published work that has not been taken back, the newest first. */
export async function listPublishedTurns(
  tx: Tx,
  input: { sessionId: string; before: string; limit: number },
): Promise<PublishedTurn[]> {
  const rows = await tx
    .select({ taskId: task.id, outcome: task.outcome, start: step.result })
    .from(task)
    .innerJoin(step, and(eq(step.taskId, task.id), eq(step.name, "start"), eq(step.status, "done")))
    .where(
      and(
        eq(task.sessionId, input.sessionId),
        lt(task.id, input.before),
        isNull(task.undoneAt),
        notInArray(task.verb, movingVerbs),
        sql`${task.outcome}->>'kind' = 'published'`,
      ),
    )
    .orderBy(desc(task.id))
    .limit(input.limit);
  return rows.map(({ taskId, outcome, start }) => {
    const { title, sha } = outcome as Extract<Outcome, { kind: "published" }>;
    return { taskId, title, sha, parentSha: (start as { sha: string }).sha };
  });
}

/**
 * Marks these and everything the session did after the oldest of them as taken back: its conversation goes on from before
 * it. False: nothing is left to go on from, and the session has a new conversation.
 */
export async function markUndone(
  tx: Tx,
  input: { sessionId: string; oldestTaskId: string; undoTaskId: string; headSha: string },
): Promise<boolean> {
  const { sessionId, oldestTaskId, undoTaskId, headSha } = input;
  await tx
    .update(task)
    .set({ undoneAt: sql`now()` })
    .where(
      and(
        eq(task.sessionId, sessionId),
        gte(task.id, oldestTaskId),
        lt(task.id, undoTaskId),
        isNull(task.undoneAt),
      ),
    );
  const standing = tx
    .select({ id: task.id })
    .from(task)
    .where(and(eq(task.sessionId, sessionId), isNull(task.undoneAt)));
  const kept = await tx.$count(
    checkpoint,
    and(eq(checkpoint.sessionId, sessionId), inArray(checkpoint.taskId, standing)),
  );
  await tx
    .update(session)
    .set({ headSha, updatedAt: sql`now()`, ...(kept > 0 ? {} : { claudeSessionId: sql`gen_random_uuid()` }) })
    .where(eq(session.id, sessionId));
  return kept > 0;
}
