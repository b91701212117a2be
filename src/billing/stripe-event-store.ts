import { and, asc, inArray, isNull, lt, lte, isNotNull, sql } from "drizzle-orm";
import type { Db, Tx } from "../../db/client.ts";
import { stripeEvent } from "../../db/schema.ts";

export type StripeEventRow = typeof stripeEvent.$inferSelect;

/** False when this event is here already. */
export async function storeStripeEvent(
  tx: Tx,
  event: Pick<StripeEventRow, "id" | "type" | "livemode" | "payload">,
): Promise<boolean> {
  const rows = await tx
    .insert(stripeEvent)
    .values(event)
    .onConflictDoNothing()
    .returning({ id: stripeEvent.id });
  return rows.length > 0;
}

/** Events that are due, the oldest first; an attempt at each is written down. */
export async function takeDueEvents(system: Db, { limit }: { limit: number }): Promise<StripeEventRow[]> {
  const due = system
    .select({ id: stripeEvent.id })
    .from(stripeEvent)
    .where(and(isNull(stripeEvent.processedAt), lte(stripeEvent.nextAt, sql`now()`)))
    .orderBy(asc(stripeEvent.receivedAt), asc(stripeEvent.id))
    .limit(limit);
  const rows = await system
    .update(stripeEvent)
    .set({
      attempts: sql`${stripeEvent.attempts} + 1`,
      nextAt: sql`now() + least(power(2, ${stripeEvent.attempts}) * 5, 3600) * interval '1 second'`,
    })
    .where(inArray(stripeEvent.id, due))
    .returning();
  return rows.toSorted((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime());
}

/** `why`: it was nothing for us. */
export async function finishEvents(
  system: Db,
  { ids, why }: { ids: readonly string[]; why: string | null },
): Promise<void> {
  if (ids.length === 0) return;
  await system
    .update(stripeEvent)
    .set({ processedAt: sql`now()`, problem: why })
    .where(inArray(stripeEvent.id, [...ids]));
}

/** They come again later. */
export async function failEvents(
  system: Db,
  { ids, problem }: { ids: readonly string[]; problem: string },
): Promise<void> {
  if (ids.length === 0) return;
  await system
    .update(stripeEvent)
    .set({ problem })
    .where(and(inArray(stripeEvent.id, [...ids]), isNull(stripeEvent.processedAt)));
}

/** What was processed so long ago is not sent again by Stripe, nor looked for by anybody. */
export async function forgetEvents(system: Db, { before }: { before: Date }): Promise<void> {
  await system
    .delete(stripeEvent)
    .where(and(isNotNull(stripeEvent.processedAt), lt(stripeEvent.receivedAt, before)));
}
