import { createHash } from "node:crypto";
import { and, desc, eq, sql } from "drizzle-orm";
import { serverChain } from "../../db/audit-chain.ts";
import { recordAudit } from "../../db/audit.ts";
import type { Db } from "../../db/client.ts";
import { audit } from "../../db/schema.ts";

/**
 * Notes in the audit log which key is used from now on, where it is another one than before: a rotation. Only for keys that cannot
 * be guessed, because the log has a fingerprint.
 */
export async function noteKeyInUse(system: Db, input: { name: string; key: Buffer | string }): Promise<void> {
  const { name } = input;
  const fingerprint = createHash("sha256")
    .update("remote-claude key\n")
    .update(input.key)
    .digest("hex")
    .slice(0, 16);
  const [last] = await system
    .select({ data: audit.data })
    .from(audit)
    .where(
      and(
        eq(audit.accountId, serverChain),
        eq(audit.act, "key-in-use"),
        sql`${audit.data}->>'key' = ${name}`,
      ),
    )
    .orderBy(desc(audit.sequence))
    .limit(1);
  if (last?.data.fingerprint === fingerprint) return;
  const data = { key: name, fingerprint, rotated: last !== undefined };
  await recordAudit(system, { accountId: serverChain, act: "key-in-use", actor: "server", data });
}
