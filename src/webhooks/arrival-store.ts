import { eq } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { delivery } from "../../db/schema.ts";

/** When a delivery came in, by the database's clock; null when it was pruned. */
export async function findArrival(system: Db, deliveryId: string): Promise<Date | null> {
  const [row] = await system
    .select({ receivedAt: delivery.receivedAt })
    .from(delivery)
    .where(eq(delivery.id, deliveryId));
  return row?.receivedAt ?? null;
}
