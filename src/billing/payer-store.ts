import { and, asc, eq, isNotNull, isNull, lt, or, sql } from "drizzle-orm";
import type { Db, Tx } from "../../db/client.ts";
import { account, billingAccount, installation } from "../../db/schema.ts";

/** What is known of who pays for an account; see `billing_account`. */
export type Payer = typeof billingAccount.$inferSelect;

/** The account's row, locked; made when it is the first time. */
export async function lockPayer(tx: Tx, accountId: string): Promise<Payer> {
  await tx.insert(billingAccount).values({ accountId }).onConflictDoNothing();
  const [row] = await tx
    .select()
    .from(billingAccount)
    .where(eq(billingAccount.accountId, accountId))
    .for("update");
  if (row === undefined) throw new Error(`the billing row of account ${accountId} vanished`);
  return row;
}

/** Null: nobody has begun to set anything up. */
export async function findPayer(tx: Tx | Db, accountId: string): Promise<Payer | null> {
  const [row] = await tx.select().from(billingAccount).where(eq(billingAccount.accountId, accountId));
  return row ?? null;
}

/** Writes to a row that is locked. */
export async function updatePayer(
  tx: Tx,
  accountId: string,
  values: Partial<Omit<typeof billingAccount.$inferInsert, "accountId">>,
): Promise<Payer> {
  const [row] = await tx
    .update(billingAccount)
    .set({ ...values, updatedAt: sql`now()` })
    .where(eq(billingAccount.accountId, accountId))
    .returning();
  if (row === undefined) throw new Error(`the billing row of account ${accountId} vanished`);
  return row;
}

export async function findAccountOfCustomer(system: Db, customerId: string): Promise<string | null> {
  const [row] = await system
    .select({ accountId: billingAccount.accountId })
    .from(billingAccount)
    .where(eq(billingAccount.stripeCustomerId, customerId));
  return row?.accountId ?? null;
}

/** Accounts with a customer that was not read since then, the longest unread first. */
export async function listUnread(
  system: Db,
  { before, limit }: { before: Date; limit: number },
): Promise<string[]> {
  const { readAt, stripeCustomerId, accountId } = billingAccount;
  const rows = await system
    .select({ accountId })
    .from(billingAccount)
    .where(and(isNotNull(stripeCustomerId), or(isNull(readAt), lt(readAt, before))))
    .orderBy(sql`${readAt} asc nulls first`, asc(accountId))
    .limit(limit);
  return rows.map((row) => row.accountId);
}

/** An account by GitHub's own number, which survives a rename, and whether the App is installed there. */
export type PayingAccount = { id: string; githubId: number; login: string; installed: boolean };

export async function findAccountByGitHubId(system: Db, githubId: number): Promise<PayingAccount | null> {
  const [row] = await system
    .select({ id: account.id, githubId: account.githubId, login: account.login })
    .from(account)
    .where(eq(account.githubId, githubId));
  if (row === undefined) return null;
  const live = and(eq(installation.accountId, row.id), isNull(installation.removedAt));
  return { ...row, installed: (await system.$count(installation, live)) > 0 };
}
