import { and, desc, eq, gt, inArray, isNotNull, isNull, lte, or, sql } from "drizzle-orm";
import type { Db, Tx } from "../../db/client.ts";
import { checkpoint, sandbox, session, task } from "../../db/schema.ts";

export type Checkpoint = typeof checkpoint.$inferSelect;

type Machine = { provider: string; id: string };

/** Where the sealed object of a checkpoint lies in the storage. */
export const checkpointKey = (row: Pick<Checkpoint, "accountId" | "sessionId" | "id">): string =>
  `${row.accountId}/${row.sessionId}/${row.id}`;

/** The newest checkpoint of a session that nobody has taken back; null before its first turn has ended. */
export async function findLatestCheckpoint(tx: Tx, sessionId: string): Promise<Checkpoint | null> {
  const [row] = await tx
    .select({ checkpoint })
    .from(checkpoint)
    .innerJoin(task, eq(task.id, checkpoint.taskId))
    .where(and(eq(checkpoint.sessionId, sessionId), isNull(task.undoneAt)))
    .orderBy(desc(checkpoint.id))
    .limit(1);
  return row?.checkpoint ?? null;
}

/** Records a stored checkpoint; from now on its machine holds nothing more than it. */
export async function recordCheckpoint(
  tx: Tx,
  input: { row: typeof checkpoint.$inferInsert; machine: Machine },
): Promise<void> {
  await tx.insert(checkpoint).values(input.row);
  await tx
    .update(sandbox)
    .set({ aheadSince: null, usedAt: sql`now()` })
    .where(machineIs(input.machine));
}

/** Says that a machine is about to hold more than the last checkpoint; the moment of the first such saying stays. */
export async function markAhead(tx: Tx, machine: Machine): Promise<void> {
  await tx
    .update(sandbox)
    .set({ aheadSince: sql`coalesce(${sandbox.aheadSince}, now())`, usedAt: sql`now()` })
    .where(machineIs(machine));
}

/** Whether a machine may hold more than the session's last checkpoint; false for one that was never recorded. */
export async function isAhead(tx: Tx, machine: Machine): Promise<boolean> {
  const [row] = await tx.select({ aheadSince: sandbox.aheadSince }).from(sandbox).where(machineIs(machine));
  return row !== undefined && row.aheadSince !== null;
}

/** Enough to go back by some turns; each holds the whole conversation. */
const keptPerSession = 10;

/**
 * Checkpoints that nobody needs any more, the oldest first: more than ten turns old, or of a session that is over for the
 * retention time, because a pull request may be reopened. One that an open task still publishes from stays.
 */
export async function findExpiredCheckpoints(
  system: Db,
  { endedBefore, retentionMs, limit }: { endedBefore: Date; retentionMs: number; limit: number },
): Promise<Checkpoint[]> {
  const over = inArray(session.status, ["terminated", "failed"]);
  // A session that ended because nobody came back to it has had its time already.
  const unused = sql`${checkpoint.createdAt} <= ${session.endedAt} - make_interval(secs => ${retentionMs / 1_000})`;
  const rank = sql<number>`row_number() over (partition by ${checkpoint.sessionId} order by ${checkpoint.id} desc)`;
  const ranked = system
    .select({ id: checkpoint.id, rank: rank.as("rank") })
    .from(checkpoint)
    .as("ranked");
  const rows = await system
    .select({ checkpoint })
    .from(checkpoint)
    .innerJoin(ranked, eq(ranked.id, checkpoint.id))
    .innerJoin(session, eq(session.id, checkpoint.sessionId))
    .innerJoin(task, eq(task.id, checkpoint.taskId))
    .where(
      and(
        isNotNull(task.finishedAt),
        or(
          gt(ranked.rank, keptPerSession),
          and(over, or(isNull(session.endedAt), lte(session.endedAt, endedBefore), unused)),
        ),
      ),
    )
    .orderBy(checkpoint.id)
    .limit(limit);
  return rows.map((row) => row.checkpoint);
}

export async function forgetCheckpoints(system: Db, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await system.delete(checkpoint).where(inArray(checkpoint.id, [...ids]));
}

/** Which of these checkpoints have a row. */
export async function findKnownCheckpoints(system: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await system
    .select({ id: checkpoint.id })
    .from(checkpoint)
    .where(inArray(checkpoint.id, [...ids]));
  return new Set(rows.map(({ id }) => id));
}

const machineIs = (machine: Machine) =>
  and(eq(sandbox.provider, machine.provider), eq(sandbox.id, machine.id));
