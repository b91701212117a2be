import { eq, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { session } from "../../db/schema.ts";

/** What `/claude autofix` said for a session's pull request; it wins over the repository's settings. */
export async function setAutofix(tx: Tx, input: { sessionId: string; on: boolean }): Promise<void> {
  await tx
    .update(session)
    .set({ autofix: input.on, updatedAt: sql`now()` })
    .where(eq(session.id, input.sessionId));
}
