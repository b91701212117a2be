import { and, desc, eq, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { checkpoint, sandbox } from "../../db/schema.ts";

export type Checkpoint = typeof checkpoint.$inferSelect;

type Machine = { provider: string; id: string };

/** Where the sealed object of a checkpoint lies in the storage. */
export const checkpointKey = (row: Pick<Checkpoint, "accountId" | "sessionId" | "id">): string =>
  `${row.accountId}/${row.sessionId}/${row.id}`;

/** The newest checkpoint of a session; null before its first turn has ended. */
export async function findLatestCheckpoint(tx: Tx, sessionId: string): Promise<Checkpoint | null> {
  const [row] = await tx
    .select()
    .from(checkpoint)
    .where(eq(checkpoint.sessionId, sessionId))
    .orderBy(desc(checkpoint.id))
    .limit(1);
  return row ?? null;
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

const machineIs = (machine: Machine) =>
  and(eq(sandbox.provider, machine.provider), eq(sandbox.id, machine.id));
