import { sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";

/** One charged leg of a task, corrections included; its JSON is a contract. Amounts are micro-USD, but for the charge in cents. */
export type UsageLine = {
  taskId: string;
  leg: number;
  account: string;
  /** owner/name */
  repository: string;
  user: string;
  verb: string;
  status: string;
  issueNumber: number;
  pullNumber: number | null;
  /** When its leg was charged, ISO 8601. */
  chargedAt: string;
  /** Of the newest revision: a class of src/billing/who-pays.ts. */
  reason: string;
  card: string;
  chargeCents: number;
  /** What is owed, before it was rounded to cents. */
  priceMicroUsd: number;
  /** At the vendors' prices. */
  modelCostMicroUsd: number;
  machineCostMicroUsd: number;
  machineSeconds: number;
};

export type UsageRange = {
  /** Days (UTC) as 2026-11-30, both included; null: no end on that side. */
  from: string | null;
  to: string | null;
  accountId: string | null;
};

/** The charged legs of a time, the oldest first. A leg has the usage after the last attempt of the leg before it. */
export async function listUsage(system: Db, { from, to, accountId }: UsageRange): Promise<UsageLine[]> {
  const rows = await system.execute<Record<keyof UsageLine, string | number | null>>(sql`
    with leg as (
      select task_id, leg, min(created_at) as charged_at, max(last_attempt) as last_attempt,
        (array_agg(reason order by revision desc))[1] as reason, (array_agg(card order by revision))[1] as card,
        sum(amount_cents) as cents, sum(price_micro_usd) as price
      from charge group by task_id, leg
    ), span as (
      select leg.*, coalesce(lag(last_attempt) over (partition by task_id order by leg), -1) as before from leg
    )
    select span.task_id as "taskId", span.leg, account.login as account,
      repository.owner || '/' || repository.name as repository, task.requester_login as "user", task.verb, task.status,
      task.issue_number as "issueNumber", session.pull_number as "pullNumber",
      to_char(span.charged_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "chargedAt",
      span.reason, span.card, span.cents::float8 as "chargeCents", span.price::float8 as "priceMicroUsd",
      used.model::float8 as "modelCostMicroUsd", used.machine::float8 as "machineCostMicroUsd",
      round(used.ms / 1000.0, 3)::float8 as "machineSeconds"
    from span
    join task on task.id = span.task_id
    join account on account.id = task.account_id
    join session on session.id = task.session_id
    join repository on repository.id = task.repository_id
    cross join lateral (
      select coalesce(sum(cost_micro_usd) filter (where kind = 'model'), 0) as model,
        coalesce(sum(cost_micro_usd) filter (where kind = 'sandbox'), 0) as machine,
        coalesce(sum(duration_ms) filter (where kind = 'sandbox'), 0) as ms
      from usage where usage.task_id = span.task_id and usage.attempt > span.before and usage.attempt <= span.last_attempt
    ) used
    where (${accountId}::uuid is null or task.account_id = ${accountId}::uuid)
      and (${from}::date is null or span.charged_at >= ${from}::date::timestamp at time zone 'utc')
      and (${to}::date is null or span.charged_at < (${to}::date + 1)::timestamp at time zone 'utc')
    order by span.charged_at, span.task_id, span.leg`);
  return rows.map((row) => ({ ...row }) as UsageLine);
}
