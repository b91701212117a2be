import { and, eq, gte, inArray, lt, notExists, notInArray, or, sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { sandbox, session, task } from "../../db/schema.ts";

const over = ["terminated", "failed"] as const;
const open = ["queued", "provisioning", "running", "waiting"] as const;

/** Ends every open session in which nothing has happened since then and for which nothing waits; their ids. */
export async function expireSessions(system: Db, unusedSince: Date): Promise<string[]> {
  return system.transaction(async (tx) => {
    const tasks = tx
      .select({ id: task.id })
      .from(task)
      .where(
        and(
          eq(task.sessionId, session.id),
          or(
            inArray(task.status, [...open]),
            gte(task.createdAt, unusedSince),
            gte(task.finishedAt, unusedSince),
          ),
        ),
      );
    const machines = tx
      .select({ id: sandbox.id })
      .from(sandbox)
      .where(and(eq(sandbox.sessionId, session.id), gte(sandbox.usedAt, unusedSince)));
    // A session for which a task is being queued at this moment is locked by its foreign key, and left alone.
    const found = await tx
      .select({ id: session.id })
      .from(session)
      .where(
        and(
          notInArray(session.status, [...over]),
          lt(session.createdAt, unusedSince),
          notExists(tasks),
          notExists(machines),
        ),
      )
      .limit(500)
      .for("update", { skipLocked: true });
    const ids = found.map(({ id }) => id);
    if (ids.length === 0) return [];
    await tx
      .update(session)
      .set({ status: "terminated", endedAt: sql`now()`, updatedAt: sql`now()` })
      .where(inArray(session.id, ids));
    return ids;
  });
}

/** Of each session that has open tasks: the fence of the one that is being worked on; null where all of them wait. */
export async function findOpenTasks(
  system: Db,
  sessionIds: readonly string[],
): Promise<Map<string, { busyFence: number | null }>> {
  if (sessionIds.length === 0) return new Map();
  const rows = await system
    .select({ sessionId: task.sessionId, status: task.status, fence: task.fence })
    .from(task)
    .where(and(inArray(task.sessionId, [...sessionIds]), inArray(task.status, [...open])));
  const found = new Map<string, { busyFence: number | null }>();
  for (const { sessionId, status, fence } of rows) {
    const busyFence = status === "provisioning" || status === "running" ? fence : null;
    found.set(sessionId, { busyFence: busyFence ?? found.get(sessionId)?.busyFence ?? null });
  }
  return found;
}
