import { sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";

/** How long a task takes from its start: half of them at most `typicalMs`, nine in ten at most `longMs`. */
export type Estimate = { typicalMs: number; longMs: number };

/** With fewer finished tasks a repository says little about itself. */
const enough = 3;
const lookBack = 20;

/** From the newest completed tasks of the repository, or where those are too few, of its account; null when that has none. */
export async function estimateTask(
  tx: Tx,
  { accountId, repositoryId }: { accountId: string; repositoryId: number },
): Promise<Estimate | null> {
  const rows = await tx.execute<{
    here: boolean;
    n: number;
    typical: number | null;
    long: number | null;
  }>(sql`
    with recent as (
      (select true as here, started_at, finished_at from task
        where account_id = ${accountId} and repository_id = ${repositoryId} and status = 'completed' and started_at is not null
        order by id desc limit ${lookBack})
      union all
      (select false, started_at, finished_at from task
        where account_id = ${accountId} and status = 'completed' and started_at is not null
        order by id desc limit ${lookBack})
    ), took as (select here, extract(epoch from finished_at - started_at) * 1000 as ms from recent)
    select here, count(*)::int as n,
      percentile_cont(0.5) within group (order by ms)::float8 as typical,
      percentile_cont(0.9) within group (order by ms)::float8 as long
    from took group by here`);
  const here = rows.find((row) => row.here && row.n >= enough);
  const found = here ?? rows.find((row) => !row.here);
  if (found === undefined || found.typical === null || found.long === null) return null;
  return { typicalMs: Math.round(found.typical), longMs: Math.round(found.long) };
}
