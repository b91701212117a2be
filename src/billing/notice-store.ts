import { and, eq } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { billingNotice } from "../../db/schema.ts";

type Notice = typeof billingNotice.$inferInsert;

/** True for the one delivery whose answer is to say this notice in this period, however often it is handled. */
export async function claimNotice(tx: Tx, input: Omit<Notice, "at">): Promise<boolean> {
  await tx.insert(billingNotice).values(input).onConflictDoNothing();
  const { accountId, notice, period, deliveryId } = billingNotice;
  const [row] = await tx
    .select({ deliveryId })
    .from(billingNotice)
    .where(and(eq(accountId, input.accountId), eq(notice, input.notice), eq(period, input.period)));
  return row?.deliveryId === input.deliveryId;
}
