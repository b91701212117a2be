import { and, desc, eq, gte, inArray, sql } from "drizzle-orm";
import { recordAudit } from "../../db/audit.ts";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { delivery, ignoredTrigger } from "../../db/schema.ts";
import type { IgnoredReason } from "./ignored-reason.ts";

export type IgnoredTrigger = typeof ignoredTrigger.$inferSelect;

/** A thread is told no more than this at once. */
const listed = 20;

/** Notes a trigger that was meant for us and started nothing. The same delivery again changes nothing. */
export async function recordIgnored(
  deps: { db: Db },
  input: Omit<IgnoredTrigger, "at" | "reason"> & { reason: IgnoredReason },
): Promise<void> {
  await withAccount(deps.db, input.accountId, async (tx) => {
    const rows = await tx
      .insert(ignoredTrigger)
      .values(input)
      .onConflictDoNothing()
      .returning({ id: ignoredTrigger.deliveryId });
    if (rows.length === 0) return;
    const { accountId, deliveryId, repositoryId, issueNumber, what, actorId, actorLogin, reason } = input;
    await recordAudit(tx, {
      ...{ accountId, act: "gate-refused", actor: `user:${actorId}` },
      data: {
        ...{ delivery: deliveryId, repository: repositoryId, issue: issueNumber, what, reason },
        login: actorLogin,
      },
    });
  });
}

/** The newest ignored triggers of a thread, newest first. */
export async function listIgnored(
  tx: Tx,
  { repositoryId, issueNumber }: Pick<IgnoredTrigger, "repositoryId" | "issueNumber">,
): Promise<IgnoredTrigger[]> {
  const { repositoryId: repository, issueNumber: number } = ignoredTrigger;
  return tx
    .select()
    .from(ignoredTrigger)
    .where(and(eq(repository, repositoryId), eq(number, issueNumber)))
    .orderBy(desc(ignoredTrigger.at))
    .limit(listed);
}

/** Whoever commanded it longer ago does not expect it any more. */
const refusedHours = 24;

/**
 * Takes out what was refused for the account's plan and is handled to its end, and opens the newest delivery of each thread to be
 * handled once more: whoever repeats a command means one. Answers their ids.
 */
export async function takeRefused(tx: Tx, accountId: string): Promise<string[]> {
  const handled = tx.select({ id: delivery.id }).from(delivery).where(eq(delivery.status, "done"));
  const rows = await tx
    .delete(ignoredTrigger)
    .where(
      and(
        eq(ignoredTrigger.accountId, accountId),
        eq(ignoredTrigger.reason, "no-plan"),
        gte(ignoredTrigger.at, sql`now() - ${refusedHours} * interval '1 hour'`),
        inArray(ignoredTrigger.deliveryId, handled),
      ),
    )
    .returning();
  const newest = new Map<string, string>();
  for (const row of rows.toSorted((a, b) => a.at.getTime() - b.at.getTime()))
    newest.set(`${row.repositoryId}#${row.issueNumber}`, row.deliveryId);
  const ids = [...newest.values()];
  if (ids.length === 0) return [];
  await tx
    .update(delivery)
    .set({ status: "queued", error: null, processedAt: null })
    .where(inArray(delivery.id, ids));
  return ids;
}
