import { and, desc, eq, inArray, type SQL } from "drizzle-orm";
import { serverChain } from "../../db/audit-chain.ts";
import type { AuditRow } from "../../db/audit-chain.ts";
import type { Db } from "../../db/client.ts";
import { account, audit } from "../../db/schema.ts";
import { UserError } from "../errors.ts";

/** One line of `remote-claude audit list`; its JSON is a contract. `account`: a login, null for the server's own acts. */
export type ListedAct = AuditRow & { account: string | null };

export type AuditFilter = {
  accountId: string | null;
  acts: readonly AuditRow["act"][];
  limit: number;
};

/** Acts of all accounts, the newest first. */
export async function listActs(system: Db, filter: AuditFilter): Promise<ListedAct[]> {
  const conditions: (SQL | undefined)[] = [
    filter.accountId === null ? undefined : eq(audit.accountId, filter.accountId),
    filter.acts.length === 0 ? undefined : inArray(audit.act, [...filter.acts]),
  ];
  const rows = await system
    .select({ row: audit, account: account.login })
    .from(audit)
    .leftJoin(account, eq(account.id, audit.accountId))
    .where(and(...conditions))
    .orderBy(desc(audit.at), desc(audit.sequence))
    .limit(filter.limit);
  return rows.map(({ row, account: login }) => ({ account: login, ...row }));
}

/** The chain of an account by its login, of the server by "server". UserError when nobody has that name. */
export async function findChain(system: Db, name: string): Promise<string> {
  if (name === "server") return serverChain;
  const [found] = await system.select({ id: account.id }).from(account).where(eq(account.login, name));
  if (found !== undefined) return found.id;
  throw new UserError(
    "account-unknown",
    `Expected the login of an account that this server knows, or "server", got ${JSON.stringify(name)}.`,
    "remote-claude tasks shows whose repositories there are.",
  );
}

/** Logins by the chains' ids. */
export async function readLogins(system: Db): Promise<ReadonlyMap<string, string>> {
  const rows = await system.select({ id: account.id, login: account.login }).from(account);
  return new Map(rows.map(({ id, login }) => [id, login]));
}
