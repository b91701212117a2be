import { eq, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { account, billingAccount, charge, installation } from "../../db/schema.ts";
import type { Standing } from "./entitlement.ts";
import type { Payer } from "./payer-store.ts";

/** An account's standing as it was last read of Stripe, and the login to say it with. */
export type AccountStanding = { login: string; standing: Standing };

export async function readStanding(
  tx: Tx,
  { accountId, billing, now }: { accountId: string; billing: Standing["billing"]; now: Date },
): Promise<AccountStanding> {
  const [[row], installed] = await Promise.all([
    tx
      .select({ login: account.login, payer: billingAccount })
      .from(account)
      .leftJoin(billingAccount, eq(billingAccount.accountId, account.id))
      .where(eq(account.id, accountId)),
    readInstallation(tx, accountId),
  ]);
  if (row === undefined) throw new Error(`account ${accountId} is gone`);
  const { login, payer } = row;
  return {
    login,
    standing: {
      billing,
      installation: installed,
      subscription: subscriptionOf(payer),
      checkoutBy: isOpen(payer, now) ? payer.checkoutBy : null,
      disputed: payer !== null && (payer.openDisputes.length > 0 || payer.writtenOff),
      exposureCents: payer?.periodStart ? await sumSince(tx, { accountId, since: payer.periodStart }) : 0,
    },
  };
}

/** An App that was installed anew is live, whatever became of it before. */
async function readInstallation(tx: Tx, accountId: string): Promise<Standing["installation"]> {
  const rows = await tx
    .select({ suspendedAt: installation.suspendedAt, removedAt: installation.removedAt })
    .from(installation)
    .where(eq(installation.accountId, accountId));
  const there = rows.filter(({ removedAt }) => removedAt === null);
  if (there.some(({ suspendedAt }) => suspendedAt === null)) return "live";
  return there.length > 0 ? "suspended" : "removed";
}

function subscriptionOf(payer: Payer | null): Standing["subscription"] {
  if (payer === null) return null;
  const { subscriptionStatus: status, collectionPaused, endsAt, trialEndsAt, pastDueSince, readAt } = payer;
  if (status === null || readAt === null) return null;
  return { status, collectionPaused, endsAt, trialEndsAt, pastDueSince, readAt };
}

function isOpen(payer: Payer | null, now: Date): payer is Payer {
  return payer !== null && payer.checkoutExpiresAt !== null && payer.checkoutExpiresAt > now;
}

/** What was charged since then, cents: what came before is on an invoice. */
async function sumSince(tx: Tx, { accountId, since }: { accountId: string; since: Date }): Promise<number> {
  const [row] = await tx
    .select({ cents: sql<number>`coalesce(sum(${charge.amountCents}), 0)`.mapWith(Number) })
    .from(charge)
    .where(
      sql`${charge.accountId} = ${accountId} and ${charge.createdAt} >= ${since.toISOString()}::timestamptz`,
    );
  return row?.cents ?? 0;
}
