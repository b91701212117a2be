import { and, eq, gte, inArray, ne, or, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { account, budgetAlert, charge, repository, task, type RepositoryCaps } from "../../db/schema.ts";
import { reachedShares, type CapScope, type CapUse } from "./caps.ts";

/** Whose caps are meant. */
export type CapTask = {
  taskId: string;
  accountId: string;
  repositoryId: number;
  sessionId: string;
  requesterId: number;
};

const monthStart = sql`date_trunc('month', now() at time zone 'utc') at time zone 'utc'`;

/**
 * Every cap that a task stands under, the account's first, with what is charged and what other running tasks may still cost. Under
 * the account's row lock it is exact: a running task holds its own rest, so a lost worker's hold ends with its task.
 */
export async function readCaps(
  tx: Tx,
  of: CapTask,
  { defaultMonthMicroUsd }: { defaultMonthMicroUsd: number },
): Promise<CapUse[]> {
  const [limits, spent, held] = await Promise.all([readLimits(tx, of), sumSpent(tx, of), sumHeld(tx, of)]);
  const use = (scope: CapScope, key: string | number, cap: number | undefined): CapUse[] =>
    cap === undefined
      ? []
      : [
          {
            ...{ scope, key: String(key), capMicroUsd: cap },
            period: scope === "session" ? "" : limits.month,
            spentMicroUsd: spent[scope],
            heldMicroUsd: held[scope],
          },
        ];
  return [
    ...use("account", of.accountId, limits.accountMonth ?? defaultMonthMicroUsd),
    ...use("repository", of.repositoryId, limits.caps.month),
    ...use("user", of.requesterId, limits.caps.userMonth),
    ...use("session", of.sessionId, limits.caps.session),
  ];
}

async function readLimits(
  tx: Tx,
  { accountId, repositoryId }: CapTask,
): Promise<{ accountMonth: number | null; caps: RepositoryCaps; month: string }> {
  const [row] = await tx
    .select({
      accountMonth: account.monthlyBudgetMicroUsd,
      caps: repository.caps,
      month: sql<string>`to_char(now() at time zone 'utc', 'YYYY-MM')`,
    })
    .from(account)
    .leftJoin(repository, and(eq(repository.id, repositoryId), eq(repository.accountId, account.id)))
    .where(eq(account.id, accountId));
  if (row === undefined) throw new Error(`account ${accountId} has no row to read its caps from`);
  return { ...row, caps: row.caps ?? {} };
}

type ByScope = Record<CapScope, number>;

const sumIf = (value: unknown, condition: unknown) =>
  sql<number>`coalesce(sum(${value}) filter (where ${condition}), 0)`.mapWith(Number);

/** A cap per user is the repository's own, so it counts what that person asked for there. */
async function sumSpent(
  tx: Tx,
  { accountId, repositoryId, sessionId, requesterId }: CapTask,
): Promise<ByScope> {
  const month = gte(charge.createdAt, monthStart);
  const here = and(month, eq(charge.repositoryId, repositoryId));
  const ofSession = eq(charge.sessionId, sessionId);
  const [row] = await tx
    .select({
      account: sumIf(charge.priceMicroUsd, month),
      repository: sumIf(charge.priceMicroUsd, here),
      user: sumIf(charge.priceMicroUsd, and(here, eq(charge.requesterId, requesterId))),
      session: sumIf(charge.priceMicroUsd, ofSession),
    })
    .from(charge)
    .where(and(eq(charge.accountId, accountId), or(month, ofSession)));
  return row ?? { account: 0, repository: 0, user: 0, session: 0 };
}

/** What a task may still cost: its budget without what its legs were charged. */
const rest = sql`greatest(${task.budgetMicroUsd} - coalesce((select sum(c.price_micro_usd) from charge c where c.task_id = ${task.id}), 0), 0)`;

async function sumHeld(
  tx: Tx,
  { taskId, accountId, repositoryId, sessionId, requesterId }: CapTask,
): Promise<ByScope> {
  const here = eq(task.repositoryId, repositoryId);
  const [row] = await tx
    .select({
      account: sumIf(rest, sql`true`),
      repository: sumIf(rest, here),
      user: sumIf(rest, and(here, eq(task.requesterId, requesterId))),
      session: sumIf(rest, eq(task.sessionId, sessionId)),
    })
    .from(task)
    .where(
      and(
        eq(task.accountId, accountId),
        inArray(task.status, ["provisioning", "running"]),
        ne(task.id, taskId),
      ),
    );
  return row ?? { account: 0, repository: 0, user: 0, session: 0 };
}

/** What a task may still cost. */
export async function readRest(tx: Tx, taskId: string): Promise<number> {
  const [row] = await tx
    .select({ rest: sql<number>`${rest}`.mapWith(Number) })
    .from(task)
    .where(eq(task.id, taskId));
  return row?.rest ?? 0;
}

/** Keeps what a repository's settings allow now; tasks that wait for room see it at their next look. */
export async function updateRepositoryCaps(
  tx: Tx,
  { repositoryId, caps }: { repositoryId: number; caps: RepositoryCaps },
): Promise<void> {
  await tx
    .update(repository)
    .set({ caps })
    .where(and(eq(repository.id, repositoryId), sql`${repository.caps} <> ${JSON.stringify(caps)}::jsonb`));
}

/** What an account may cost in a month from now on; null: the server's default. */
export async function updateAccountBudget(
  tx: Tx,
  { accountId, monthMicroUsd }: { accountId: string; monthMicroUsd: number | null },
): Promise<void> {
  await tx.update(account).set({ monthlyBudgetMicroUsd: monthMicroUsd }).where(eq(account.id, accountId));
}

export type CapAlert = { use: CapUse; percent: number };

/** The largest share of each cap that is reached and that nobody was told of in its period. */
export async function claimAlerts(
  tx: Tx,
  { of, uses }: { of: Pick<CapTask, "taskId" | "accountId">; uses: readonly CapUse[] },
): Promise<CapAlert[]> {
  const alerts: CapAlert[] = [];
  for (const use of uses) {
    const { scope, key, period } = use;
    const reached = reachedShares(use);
    if (reached.length === 0) continue;
    const rows = await tx
      .insert(budgetAlert)
      .values(reached.map((percent) => ({ ...of, scope, key, period, percent })))
      .onConflictDoNothing()
      .returning({ percent: budgetAlert.percent });
    const percent = Math.max(0, ...rows.map((row) => row.percent));
    if (percent > 0) alerts.push({ use, percent });
  }
  return alerts;
}
