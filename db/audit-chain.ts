import { createHash } from "node:crypto";
import { sql } from "drizzle-orm";
import type { Db, Tx } from "./client.ts";
import { audit, type AuditAct, type AuditData } from "./schema.ts";

export type AuditEntry = {
  accountId: string;
  act: AuditAct;
  /** `user:<GitHub's id>`, `server`, or `operator:<name in the operating system>`. */
  actor: string;
  data: AuditData;
};

export type AuditRow = typeof audit.$inferSelect;

/** The chain of acts that belong to no account. */
export const serverChain = "00000000-0000-0000-0000-000000000000";

/** What the first row's hash covers in the place of a hash before it. */
export const noHash = "0".repeat(64);

/** SHA-256 of the hash before it and of all else in the row, as JSON with sorted keys; hex. */
export function hashAuditRow(row: Omit<AuditRow, "hash">): string {
  const { accountId, sequence, at, act, actor, data } = row;
  const body = { accountId, sequence, at: at.toISOString(), act, actor, data };
  return createHash("sha256").update(row.previousHash).update(toCanonicalJson(body)).digest("hex");
}

/** The same text for the same value, whatever order its keys come in. */
export function toCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toCanonicalJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value)
      .filter(([, of]) => of !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, of]) => `${JSON.stringify(key)}:${toCanonicalJson(of)}`);
    return `{${entries.join(",")}}`;
  }
  return JSON.stringify(value);
}

/**
 * Adds rows to the end of their chain, which is locked from here to the end of the transaction: let this be the last that it does.
 * One transaction adds to one chain.
 */
export async function appendAudit(tx: Db | Tx, entries: readonly AuditEntry[]): Promise<void> {
  const [first] = entries;
  if (first === undefined) return;
  const { accountId } = first;
  if (entries.some((entry) => entry.accountId !== accountId))
    throw new Error("Expected the audit entries of one transaction to be of one account, got several.");
  // The conflict locks the row and shows it as it is now, also where this transaction has waited for another one's end.
  const [head] = await tx.execute<{ sequence: string; hash: string; at: string }>(sql`
    insert into audit_head (account_id, sequence, hash) values (${accountId}, 0, ${noHash})
    on conflict (account_id) do update set sequence = audit_head.sequence
    returning sequence, hash, (extract(epoch from clock_timestamp()) * 1000)::bigint as at`);
  if (head === undefined) throw new Error("the audit chain gave no head");
  const rows: AuditRow[] = [];
  let last = { sequence: Number(head.sequence), hash: head.hash };
  for (const { act, actor, data } of entries) {
    const open = {
      ...{ accountId, sequence: last.sequence + 1, at: new Date(Number(head.at)) },
      ...{ act, actor, data: clean(data), previousHash: last.hash },
    };
    last = { sequence: open.sequence, hash: hashAuditRow(open) };
    rows.push({ ...open, hash: last.hash });
  }
  await tx.execute(sql`
    with moved as (
      update audit_head set sequence = ${last.sequence}, hash = ${last.hash} where account_id = ${accountId}
    )
    insert into audit (account_id, sequence, at, act, actor, data, previous_hash, hash) values ${sql.join(
      rows.map(
        (row) =>
          sql`(${row.accountId}, ${row.sequence}::bigint, ${row.at.toISOString()}::timestamptz, ${row.act}, ${row.actor},
            ${JSON.stringify(row.data)}::jsonb, ${row.previousHash}, ${row.hash})`,
      ),
      sql`, `,
    )}`);
}

const longest = 200;

/** What PostgreSQL's JSON does not take would cost the act its transaction, and a long text has no place here. */
function clean(data: AuditData): AuditData {
  const short = (text: string) =>
    text.toWellFormed().replaceAll("\u0000", "").slice(0, longest).toWellFormed();
  return Object.fromEntries(
    Object.entries(data).map(([key, value]): [string, AuditData[string]] => {
      if (typeof value === "string") return [key, short(value)];
      if (typeof value === "object" && value !== null) return [key, value.map(short)];
      return [key, value];
    }),
  );
}
