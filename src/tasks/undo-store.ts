import { and, desc, eq, gte, inArray, isNull, like, lt, notInArray, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { checkpoint, session, step, task } from "../../db/schema.ts";

/** A task whose work stands on the branch: what it pushed, the oldest first. */
export type PublishedTurn = { taskId: string; title: string; shas: string[] };

/** These move the branch without being work of their own. */
const movingVerbs = ["undo", "rebase"];

/** The session's published work that has not been taken back, the newest first. A task may have pushed once in each leg. */
export async function listPublishedTurns(
  tx: Tx,
  input: { sessionId: string; before: string; limit: number },
): Promise<PublishedTurn[]> {
  const rows = await tx
    .select({
      taskId: task.id,
      title: sql<string>`coalesce(max(${task.outcome}->>'title'), '')`,
      shas: sql<string[]>`array_agg(substr(${step.name}, 6) order by ${step.finishedAt})`,
    })
    .from(task)
    .innerJoin(step, and(eq(step.taskId, task.id), eq(step.status, "done"), like(step.name, "push:%")))
    .where(
      and(
        eq(task.sessionId, input.sessionId),
        lt(task.id, input.before),
        isNull(task.undoneAt),
        notInArray(task.verb, movingVerbs),
      ),
    )
    .groupBy(task.id)
    .orderBy(desc(task.id))
    .limit(input.limit);
  return rows.map(({ taskId, title, shas }) => ({ taskId, title: title === "" ? "a turn" : title, shas }));
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
