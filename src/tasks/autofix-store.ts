import { eq, sql } from "drizzle-orm";
import { recordAudit } from "../../db/audit.ts";
import type { Tx } from "../../db/client.ts";
import { session } from "../../db/schema.ts";

/** What `/claude autofix` said for a session's pull request; it wins over the repository's settings. */
export async function setAutofix(
  tx: Tx,
  input: { accountId: string; sessionId: string; on: boolean; by: { id: number; login: string } },
): Promise<void> {
  await tx
    .update(session)
    .set({ autofix: input.on, updatedAt: sql`now()` })
    .where(eq(session.id, input.sessionId));
  await recordAudit(tx, {
    ...{ accountId: input.accountId, act: "settings-overridden", actor: `user:${input.by.id}` },
    data: { session: input.sessionId, setting: "autofix", value: input.on, login: input.by.login },
  });
}
