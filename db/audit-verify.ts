import { and, asc, eq, gt, gte } from "drizzle-orm";
import { hashAuditRow, noHash } from "./audit-chain.ts";
import type { Db, Tx } from "./client.ts";
import { audit, auditHead } from "./schema.ts";

export type ChainVerdict = {
  accountId: string;
  /** How many rows were looked at. */
  rows: number;
  sequence: number;
  /** Of the newest row: noted elsewhere, it shows later that nothing before it was changed. */
  hash: string;
  /** The first thing that is wrong; null: the chain is whole. */
  problem: string | null;
};

const pageRows = 1_000;

/** Holds every chain, or one, against its hashes; `tail`: only the last rows of each. The rows of one moment are read. */
export async function verifyAudit(
  system: Db,
  input: { accountId?: string; tail?: number } = {},
): Promise<ChainVerdict[]> {
  return system.transaction(
    async (tx) => {
      const heads = await tx
        .select()
        .from(auditHead)
        .where(input.accountId === undefined ? undefined : eq(auditHead.accountId, input.accountId))
        .orderBy(asc(auditHead.accountId));
      const verdicts: ChainVerdict[] = [];
      for (const head of heads) verdicts.push(await verifyChain(tx, head, input.tail));
      return verdicts;
    },
    { isolationLevel: "repeatable read", accessMode: "read only" },
  );
}

async function verifyChain(
  tx: Tx,
  head: typeof auditHead.$inferSelect,
  tail: number | undefined,
): Promise<ChainVerdict> {
  const { accountId } = head;
  const first = tail === undefined ? 1 : Math.max(1, head.sequence - tail + 1);
  // Rows before the first one looked at are not known, so its own word for the hash before it is taken.
  let before: { sequence: number; hash: string | null } = {
    sequence: first - 1,
    hash: first === 1 ? noHash : null,
  };
  let rows = 0;
  const verdict = (problem: string | null): ChainVerdict => ({
    ...{ accountId, rows, sequence: head.sequence, hash: head.hash, problem },
  });
  while (true) {
    const page = await tx
      .select()
      .from(audit)
      .where(
        and(eq(audit.accountId, accountId), gte(audit.sequence, first), gt(audit.sequence, before.sequence)),
      )
      .orderBy(asc(audit.sequence))
      .limit(pageRows);
    for (const row of page) {
      rows += 1;
      if (row.sequence !== before.sequence + 1)
        return verdict(`row ${before.sequence + 1} is missing: row ${row.sequence} follows`);
      if (before.hash !== null && row.previousHash !== before.hash)
        return verdict(`row ${row.sequence} does not follow the row before it`);
      if (hashAuditRow(row) !== row.hash) return verdict(`row ${row.sequence} is not what was written`);
      before = { sequence: row.sequence, hash: row.hash };
    }
    if (page.length < pageRows) break;
  }
  if (before.sequence !== head.sequence)
    return verdict(`the chain should end with row ${head.sequence} and ends with row ${before.sequence}`);
  if (before.hash !== null && before.hash !== head.hash)
    return verdict(`row ${head.sequence} is not the one that the chain ended with`);
  return verdict(null);
}
