import { appendAudit, type AuditEntry } from "./audit-chain.ts";
import type { Db, Tx } from "./client.ts";

const collected = new WeakMap<object, AuditEntry[]>();

/**
 * Notes an act in the transaction that does it. Inside withAccount the row is written right before the commit, so that the chain is
 * locked for a moment only and after all other locks; elsewhere it is written at once, in a transaction of its own where there is none.
 */
export async function recordAudit(tx: Tx | Db, entry: AuditEntry): Promise<void> {
  const entries = collected.get(tx);
  if (entries !== undefined) entries.push(entry);
  else await tx.transaction((own) => appendAudit(own, [entry]));
}

/** Runs a transaction's work and then writes what was noted in it. */
export async function withAudit<T>(tx: Tx, run: (tx: Tx) => Promise<T>): Promise<T> {
  const entries: AuditEntry[] = [];
  collected.set(tx, entries);
  try {
    const result = await run(tx);
    await appendAudit(tx, entries);
    return result;
  } finally {
    collected.delete(tx);
  }
}
