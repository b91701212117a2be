import { and, eq, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { sandboxUse, task } from "../../db/schema.ts";
import { machineSizeOf } from "./machine-size.ts";
import { priceMachine } from "./price-machine.ts";
import type { RateCard } from "./rate-cards.ts";

/** The use of one machine by one attempt at a task. */
export type MachineUse = {
  accountId: string;
  taskId: string;
  sessionId: string;
  /** The fence of the claim. */
  attempt: number;
  provider: string;
  sandboxId: string;
};

/**
 * A worker that did not write for longer than this was frozen or cut off: what it cannot have seen is not metered, in the
 * account's favour. Four heartbeats.
 */
const longestMs = 120_000;

/** The database's clock now, from which the first interval is measured. */
export async function readClock(db: Db): Promise<Date> {
  const [row] = await db.execute<{ now: string }>(sql`select clock_timestamp()::text as now`);
  if (row === undefined) throw new Error("the database did not say what time it is");
  return new Date(row.now);
}

/**
 * Writes the interval from the end of the attempt's last one (or `since`) to now. Null when the claim is over, and when another
 * call has just written the same interval: no moment is metered twice.
 */
export async function recordInterval(
  db: Db,
  { use, since, card }: { use: MachineUse; since: Date; card: RateCard },
): Promise<{ startedAt: Date; endedAt: Date; costMicroUsd: number } | null> {
  return withAccount(db, use.accountId, async (tx) => {
    const [isHeld, next] = await Promise.all([holdClaim(tx, use), nextInterval(tx, use, since)]);
    if (!isHeld) return null;
    const { sequence, startedAt, endedAt } = next;
    const size = machineSizeOf(use.provider);
    const durationMs = endedAt.getTime() - startedAt.getTime();
    const costMicroUsd = priceMachine(card, { provider: use.provider, ...size, durationMs });
    const interval = { startedAt, endedAt, costMicroUsd };
    const rows = await tx
      .insert(sandboxUse)
      .values({ id: uuidv7(), ...use, ...size, ...interval, sequence, card: card.version })
      .onConflictDoNothing({ target: [sandboxUse.taskId, sandboxUse.attempt, sandboxUse.sequence] })
      .returning({ id: sandboxUse.id });
    return rows.length === 0 ? null : interval;
  });
}

/** A worker that was overtaken meters nothing more; a takeover waits until the interval is written. */
async function holdClaim(tx: Tx, { taskId, accountId, attempt }: MachineUse): Promise<boolean> {
  const rows = await tx
    .select({ id: task.id })
    .from(task)
    .where(and(eq(task.id, taskId), eq(task.accountId, accountId), eq(task.fence, attempt)))
    .for("share");
  return rows.length > 0;
}

async function nextInterval(
  tx: Tx,
  { taskId, attempt }: MachineUse,
  since: Date,
): Promise<{ sequence: number; startedAt: Date; endedAt: Date }> {
  const [row] = await tx
    .select({
      sequence: sql<number>`coalesce(max(${sandboxUse.sequence}), 0) + 1`.mapWith(Number),
      now: sql<string>`clock_timestamp()::text`,
      last: sql<string | null>`max(${sandboxUse.endedAt})::text`,
    })
    .from(sandboxUse)
    .where(and(eq(sandboxUse.taskId, taskId), eq(sandboxUse.attempt, attempt)));
  if (row === undefined) throw new Error("the database did not say what time it is");
  const endedAt = new Date(row.now);
  const last = row.last === null ? 0 : new Date(row.last).getTime();
  const from = Math.max(since.getTime(), last, endedAt.getTime() - longestMs);
  return { sequence: row.sequence, startedAt: new Date(Math.min(from, endedAt.getTime())), endedAt };
}

/** How long machines worked for a session, hours: the sum of its intervals. */
export async function sumSessionHours(tx: Tx, { sessionId }: { sessionId: string }): Promise<number> {
  const [row] = await tx
    .select({
      hours:
        sql<number>`coalesce(extract(epoch from sum(${sandboxUse.endedAt} - ${sandboxUse.startedAt})), 0) / 3600`.mapWith(
          Number,
        ),
    })
    .from(sandboxUse)
    .where(eq(sandboxUse.sessionId, sessionId));
  return row?.hours ?? 0;
}
