import { and, eq, isNull, sql } from "drizzle-orm";
import { withAccount, type Db } from "../../db/client.ts";
import { task, turnToken } from "../../db/schema.ts";
import type { Turn } from "./turn.ts";

/** unknown: no such token · ended: expired, revoked, of an earlier claim, or its task does not run any more. */
export type FoundTurn = { ok: true; turn: Turn } | { ok: false; reason: "unknown" | "ended" };

export async function insertTurnToken(
  db: Db,
  { tokenHash, accountId, taskId, fence, expiresAt }: Turn & { tokenHash: string; expiresAt: Date },
): Promise<void> {
  await withAccount(db, accountId, (tx) =>
    tx.insert(turnToken).values({ tokenHash, accountId, taskId, fence, expiresAt }),
  );
}

export async function markTurnTokenRevoked(
  db: Db,
  { accountId, tokenHash }: { accountId: string; tokenHash: string },
): Promise<void> {
  await withAccount(db, accountId, (tx) =>
    tx
      .update(turnToken)
      .set({ revokedAt: sql`now()` })
      .where(
        and(
          eq(turnToken.tokenHash, tokenHash),
          eq(turnToken.accountId, accountId),
          isNull(turnToken.revokedAt),
        ),
      ),
  );
}

/** Judges by the database's clock, which all workers share. Given a task, the token of another one is not found. */
export async function findTurn(
  system: Db,
  { tokenHash, taskId }: { tokenHash: string; taskId: string | null },
): Promise<FoundTurn> {
  const [row] = await system
    .select({
      accountId: turnToken.accountId,
      taskId: turnToken.taskId,
      fence: turnToken.fence,
      live: sql<boolean>`${turnToken.revokedAt} is null and ${turnToken.expiresAt} > now()
        and ${task.fence} = ${turnToken.fence} and ${task.status} in ('provisioning', 'running')
        and ${task.cancelRequestedAt} is null`,
    })
    .from(turnToken)
    .innerJoin(task, and(eq(task.id, turnToken.taskId), eq(task.accountId, turnToken.accountId)))
    .where(
      and(eq(turnToken.tokenHash, tokenHash), taskId === null ? undefined : eq(turnToken.taskId, taskId)),
    );
  if (row === undefined) return { ok: false, reason: "unknown" };
  const { live, ...turn } = row;
  return live ? { ok: true, turn } : { ok: false, reason: "ended" };
}
