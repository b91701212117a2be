import { and, eq, gte, isNotNull, isNull, lt } from "drizzle-orm";
import type { Db, Tx } from "../../db/client.ts";
import { installation, task } from "../../db/schema.ts";

export type TaskRef = { taskId: string; accountId: string };

/** Ended tasks whose thread has not heard of it for a while and can hear of it: their App is not suspended. */
export async function listUnreported(
  system: Db,
  input: { endedBefore: Date } | { installationId: number },
): Promise<TaskRef[]> {
  const some =
    "endedBefore" in input
      ? lt(task.finishedAt, input.endedBefore)
      : and(eq(task.installationId, input.installationId), isNotNull(task.finishedAt));
  return system
    .select({ taskId: task.id, accountId: task.accountId })
    .from(task)
    .innerJoin(installation, eq(installation.id, task.installationId))
    .where(and(some, isNull(task.reportedAt), isNull(installation.suspendedAt)))
    .orderBy(task.id)
    .limit(100);
}

export async function isSuspended(tx: Tx, installationId: number): Promise<boolean> {
  const [row] = await tx
    .select({ suspendedAt: installation.suspendedAt })
    .from(installation)
    .where(eq(installation.id, installationId));
  return (row?.suspendedAt ?? null) !== null;
}

/**
 * Takes back that a task's thread has heard of its end when that was noted after the suspension began: GitHub
 * refused those words before its news of the suspension came here.
 */
export async function unmarkReported(
  system: Db,
  input: { installationId: number; since: Date },
): Promise<void> {
  await system
    .update(task)
    .set({ reportedAt: null })
    .where(and(eq(task.installationId, input.installationId), gte(task.reportedAt, input.since)));
}
