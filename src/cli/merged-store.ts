import { sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";

/** A session whose pull request was merged, with the charges of all its legs. */
export type MergedPull = {
  repository: string;
  pullNumber: number;
  chargeCents: number;
  priceMicroUsd: number;
};

/** The pull requests of ours that were merged in a time, the oldest first; src/webhooks/merge-store.ts notes them. */
export async function listMergedPulls(
  system: Db,
  { from, to, accountId }: { from: string | null; to: string | null; accountId: string | null },
): Promise<MergedPull[]> {
  const rows = await system.execute<MergedPull & Record<string, string | number>>(sql`
    with merged as (
      select (data->>'session')::uuid as session_id, (data->>'pull')::int as pull, min(at) as at
      from audit
      where act = 'session-ended' and data->>'merged' = 'true'
        and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
      group by 1, 2
    )
    select repository.owner || '/' || repository.name as repository, merged.pull as "pullNumber",
      coalesce(sum(charge.amount_cents), 0)::float8 as "chargeCents",
      coalesce(sum(charge.price_micro_usd), 0)::float8 as "priceMicroUsd"
    from merged
    join session on session.id = merged.session_id
    join repository on repository.id = session.repository_id
    left join charge on charge.session_id = session.id
    where (${from}::date is null or merged.at >= ${from}::date::timestamp at time zone 'utc')
      and (${to}::date is null or merged.at < (${to}::date + 1)::timestamp at time zone 'utc')
    group by repository.owner, repository.name, merged.pull
    order by min(merged.at), merged.pull`);
  return rows.map((row) => ({ ...row }));
}
