import { eq, sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { watermark } from "../../db/schema.ts";

/** Where the periodic job of this name left off; null before its first round. */
export async function findWatermark(system: Db, name: string): Promise<string | null> {
  const [row] = await system
    .select({ value: watermark.value })
    .from(watermark)
    .where(eq(watermark.name, name));
  return row?.value ?? null;
}

export async function recordWatermark(system: Db, name: string, value: string): Promise<void> {
  await system
    .insert(watermark)
    .values({ name, value })
    .onConflictDoUpdate({ target: watermark.name, set: { value, updatedAt: sql`now()` } });
}
