import { asc, desc, eq, inArray } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { account, billingAccount, billingOutbox } from "../../db/schema.ts";
import type { OutboxRow } from "../billing/outbox-store.ts";

/** One line of `remote-claude billing outbox list`; its JSON is a contract. */
export type OutboxLine = Pick<
  OutboxRow,
  "identifier" | "kind" | "state" | "valueCents" | "attempts" | "problem" | "createdAt" | "firstAttemptAt"
> & { account: string; hasCustomer: boolean };

/** What Stripe has not taken, the oldest first; with `all` everything, the newest first. */
export async function listOutbox(
  system: Db,
  { limit, all }: { limit: number; all: boolean },
): Promise<OutboxLine[]> {
  const rows = await system
    .select({ row: billingOutbox, login: account.login, customer: billingAccount.stripeCustomerId })
    .from(billingOutbox)
    .innerJoin(account, eq(account.id, billingOutbox.accountId))
    .leftJoin(billingAccount, eq(billingAccount.accountId, billingOutbox.accountId))
    .where(all ? undefined : inArray(billingOutbox.state, ["pending", "sending", "reconcile", "dead"]))
    .orderBy(all ? desc(billingOutbox.id) : asc(billingOutbox.id))
    .limit(limit);
  return rows.map(({ row, login, customer }) => ({
    ...{ identifier: row.identifier, account: login, kind: row.kind, state: row.state },
    ...{ valueCents: row.valueCents, attempts: row.attempts, problem: row.problem },
    ...{ createdAt: row.createdAt, firstAttemptAt: row.firstAttemptAt, hasCustomer: customer !== null },
  }));
}

export async function findOutboxRow(system: Db, identifier: string): Promise<OutboxRow | null> {
  const [row] = await system.select().from(billingOutbox).where(eq(billingOutbox.identifier, identifier));
  return row ?? null;
}
