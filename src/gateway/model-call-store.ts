import { randomUUID } from "node:crypto";
import { and, eq, sql } from "drizzle-orm";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { modelCall, sandboxUse, task } from "../../db/schema.ts";
import type { TokenCounts } from "./gateway-deps.ts";
import type { Turn } from "./turn.ts";

export type Reservation =
  | { ok: true; callId: string }
  /** The claim is over: nothing may be called for it any more. */
  | { ok: false; reason: "ended" }
  /** `pendingMicroUsd` is what calls still under way have reserved; they will mostly cost less. */
  | {
      ok: false;
      reason: "budget";
      spentMicroUsd: number;
      pendingMicroUsd: number;
      budgetMicroUsd: number;
    };

/**
 * Sets the worst case of a call aside before it is made. The task's row is locked meanwhile, so that parallel calls
 * count each other and cannot pass the task's budget together.
 */
export async function reserveCall(
  db: Db,
  { turn, model, reservedMicroUsd }: { turn: Turn; model: string; reservedMicroUsd: number },
): Promise<Reservation> {
  return withAccount(db, turn.accountId, async (tx): Promise<Reservation> => {
    const budgetMicroUsd = await lockBudget(tx, turn);
    if (budgetMicroUsd === null) return { ok: false, reason: "ended" };
    const { spentMicroUsd, pendingMicroUsd } = await sumCalls(tx, turn);
    if (spentMicroUsd + pendingMicroUsd + reservedMicroUsd > budgetMicroUsd) {
      return { ok: false, reason: "budget", spentMicroUsd, pendingMicroUsd, budgetMicroUsd };
    }
    const callId = randomUUID();
    await tx.insert(modelCall).values({ id: callId, ...turn, model, status: "reserved", reservedMicroUsd });
    return { ok: true, callId };
  });
}

/** A statement of its own: the sum after it then sees what others reserved while this one waited for the lock. */
async function lockBudget(tx: Tx, turn: Turn): Promise<number | null> {
  const [row] = await tx
    .select({ budgetMicroUsd: task.budgetMicroUsd })
    .from(task)
    .where(
      and(
        eq(task.id, turn.taskId),
        eq(task.accountId, turn.accountId),
        eq(task.fence, turn.fence),
        sql`${task.status} in ('provisioning', 'running') and ${task.cancelRequestedAt} is null`,
      ),
    )
    .for("no key update");
  return row?.budgetMicroUsd ?? null;
}

/** The machine's time counts as well. A call that an earlier claim reserved and never settled counts as spent: nobody is left to say what it took. */
async function sumCalls(tx: Tx, turn: Turn) {
  const pending = sql`${modelCall.status} = 'reserved' and ${modelCall.fence} = ${turn.fence}`;
  const [row] = await tx
    .select({
      spentMicroUsd: sql`coalesce(sum(coalesce(${modelCall.costMicroUsd}, ${modelCall.reservedMicroUsd}))
        filter (where not (${pending})), 0)`.mapWith(Number),
      pendingMicroUsd: sql`coalesce(sum(${modelCall.reservedMicroUsd}) filter (where ${pending}), 0)`.mapWith(
        Number,
      ),
    })
    .from(modelCall)
    .where(and(eq(modelCall.taskId, turn.taskId), eq(modelCall.accountId, turn.accountId)));
  const [machine] = await tx
    .select({ microUsd: sql`coalesce(sum(${sandboxUse.costMicroUsd}), 0)`.mapWith(Number) })
    .from(sandboxUse)
    .where(and(eq(sandboxUse.taskId, turn.taskId), eq(sandboxUse.accountId, turn.accountId)));
  const { spentMicroUsd = 0, pendingMicroUsd = 0 } = row ?? {};
  return { spentMicroUsd: spentMicroUsd + (machine?.microUsd ?? 0), pendingMicroUsd };
}

export type Settlement = {
  /** refused: the model did not take the call, so it cost nothing. */
  status: "settled" | "refused";
  tokens: TokenCounts;
  costMicroUsd: number;
  /** What the model answered; null when the call ended before it did. */
  httpStatus: number | null;
};

/** Replaces a call's reservation by what it took; only the first settlement counts. */
export async function settleCall(
  db: Db,
  { turn, callId, settlement }: { turn: Turn; callId: string; settlement: Settlement },
): Promise<void> {
  const { tokens, ...rest } = settlement;
  await withAccount(db, turn.accountId, (tx) =>
    tx
      .update(modelCall)
      .set({ ...rest, ...tokens, settledAt: sql`now()` })
      .where(
        and(
          eq(modelCall.id, callId),
          eq(modelCall.accountId, turn.accountId),
          eq(modelCall.status, "reserved"),
        ),
      ),
  );
}
