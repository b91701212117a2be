import { sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";

/** What a task costs in all its legs, micro-USD: half of them at most `typicalMicroUsd`, nine in ten at most `longMicroUsd`. */
export type CostEstimate = { typicalMicroUsd: number; longMicroUsd: number };

/** With fewer finished tasks a repository says little about itself. */
const enough = 3;
const lookBack = 20;

/**
 * From what the repository's newest completed tasks were charged; null while those are too few: what other repositories of the
 * account cost says nothing about this one. A task that nobody paid for by our own fault is none of them.
 */
export async function estimateCost(
  tx: Tx,
  { accountId, repositoryId }: { accountId: string; repositoryId: number },
): Promise<CostEstimate | null> {
  const [row] = await tx.execute<{ n: number; typical: number | null; long: number | null }>(sql`
    with recent as (
      select id from task
        where account_id = ${accountId} and repository_id = ${repositoryId} and status = 'completed' and started_at is not null
        order by id desc limit ${lookBack}
    ), cost as (
      select sum(charge.price_micro_usd) as price from recent join charge on charge.task_id = recent.id group by recent.id
    )
    select count(*)::int as n,
      percentile_cont(0.5) within group (order by price::float8)::float8 as typical,
      percentile_cont(0.9) within group (order by price::float8)::float8 as long
    from cost`);
  if (row === undefined || row.n < enough || row.typical === null || row.long === null) return null;
  return { typicalMicroUsd: Math.round(row.typical), longMicroUsd: Math.round(row.long) };
}
