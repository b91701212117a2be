import { and, eq, inArray } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { billingOutbox } from "../../db/schema.ts";

/** A meter event that Stripe took and could not count. */
export type MeterError = { identifier: string; problem: string };

/**
 * Writes on the rows of what could not be counted that they are somebody's matter. Answers those whose sending has not ended yet:
 * they are to be marked later.
 */
export async function markUncounted(system: Db, errors: readonly MeterError[]): Promise<string[]> {
  const underWay: string[] = [];
  for (const { identifier, problem } of errors) {
    const { state } = billingOutbox;
    const named = eq(billingOutbox.identifier, identifier);
    const [row] = await system.select({ state }).from(billingOutbox).where(named);
    if (row?.state === "pending" || row?.state === "sending") underWay.push(identifier);
    else
      await system
        .update(billingOutbox)
        .set({ problem: `Stripe took it and could not count it: ${problem}` })
        .where(and(named, inArray(state, ["delivered", "reconcile"])));
  }
  return underWay;
}
