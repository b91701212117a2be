import { and, desc, eq, inArray, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { task } from "../../db/schema.ts";
import { isBot } from "./is-bot.ts";
import { openStatuses, toTask, type Task } from "./task-store.ts";

/** Whether any task of the session is queued, running, or waits for a person. */
export async function hasOpenTask(tx: Tx, sessionId: string): Promise<boolean> {
  const open = and(eq(task.sessionId, sessionId), inArray(task.status, [...openStatuses]));
  return (await tx.$count(task, open)) > 0;
}

/** How a person comes into it: the last task of the session that neither a check nor a conflict nor a listed bot started. */
export async function findLastAskedFor(
  tx: Tx,
  { sessionId, botIds }: { sessionId: string; botIds: readonly number[] },
): Promise<Task | null> {
  const rows = await tx
    .select()
    .from(task)
    .where(and(eq(task.sessionId, sessionId), sql`${task.trigger} not in ('checks', 'conflict')`))
    .orderBy(desc(task.id))
    .limit(20);
  const found = rows.find(({ requesterId: id, requesterLogin: login }) => !isBot({ id, login }, botIds));
  return found === undefined ? null : toTask(found);
}

/** The repairs that failed checks have started in a session, newest first, twenty at most. */
export async function listRepairs(tx: Tx, sessionId: string): Promise<Task[]> {
  const rows = await tx
    .select()
    .from(task)
    .where(and(eq(task.sessionId, sessionId), eq(task.trigger, "checks")))
    .orderBy(desc(task.id))
    .limit(20);
  return rows.map(toTask);
}
