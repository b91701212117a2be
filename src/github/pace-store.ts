import { sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";

/** GitHub's guidance for content writes is 80 a minute for one installation. */
const burst = 20;
const refillPerMinute = 80;

/** Stops all writes of the installation for a while, because GitHub said so. */
export async function blockWrites(db: Db, installationId: number, forMs: number): Promise<void> {
  await db.execute(sql`
    insert into rate_bucket (installation_id, tokens_milli, refilled_at, blocked_until)
    values (${installationId}, 0, now(), now() + ${forMs} * interval '1 millisecond')
    on conflict (installation_id) do update
      set blocked_until = greatest(rate_bucket.blocked_until, excluded.blocked_until)`);
}

/** Takes one token unless fewer than `floor` would be left; answers how long to wait, ms, 0 when it was taken. */
export async function takeToken(db: Db, installationId: number, floor: number): Promise<number> {
  const need = (floor + 1) * 1000;
  const rows = await db.execute<{ taken: boolean; wait_ms: number }>(sql`
    with refilled as (
      insert into rate_bucket as b (installation_id, tokens_milli, refilled_at)
      values (${installationId}, ${burst * 1000}, now())
      on conflict (installation_id) do update set
        tokens_milli = least(${burst * 1000},
          b.tokens_milli + (extract(epoch from now() - b.refilled_at) * ${(refillPerMinute * 1000) / 60})::bigint),
        refilled_at = now()
      returning installation_id, tokens_milli, coalesce(blocked_until > now(), false) as blocked, blocked_until
    )
    select not blocked and tokens_milli >= ${need} as taken,
      case when blocked then extract(epoch from blocked_until - now()) * 1000
           else greatest(${need} - tokens_milli, 0) * ${60 / refillPerMinute} end::int as wait_ms
    from refilled`);
  const row = rows[0];
  if (row === undefined) throw new Error("the rate bucket gave no row");
  if (!row.taken) return Math.min(Math.max(row.wait_ms, 50), 5_000);
  const taken = await db.execute<{ ok: number }>(sql`
    update rate_bucket set tokens_milli = tokens_milli - 1000
    where installation_id = ${installationId} and tokens_milli >= ${need} returning 1 as ok`);
  return taken.length > 0 ? 0 : 50;
}
