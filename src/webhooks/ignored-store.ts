import { and, desc, eq } from "drizzle-orm";
import { recordAudit } from "../../db/audit.ts";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { ignoredTrigger } from "../../db/schema.ts";
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
