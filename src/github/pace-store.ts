import { sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";

/** GitHub's guidance for content writes is 80 a minute for one installation. */
const burst = 20;
const refillPerMinute = 80;

/** Tokens are kept in thousandths, so that a refill between two close calls is not lost. */
const full = burst * 1000;
const perSecond = Math.round((refillPerMinute * 1000) / 60);

/** Stops all writes of the installation for a while, because GitHub said so. */
export async function blockWrites(db: Db, installationId: number, forMs: number): Promise<void> {
  await db.execute(sql`
    insert into rate_bucket as b (installation_id, tokens_milli, refilled_at, blocked_until)
    values (${installationId}, 0, now(), now() + make_interval(secs => ${forMs / 1000}::float8))
    on conflict (installation_id) do update
      set blocked_until = greatest(b.blocked_until, excluded.blocked_until)`);
}

/**
 * Takes one token unless fewer than `floor` would be left; answers how long to wait, ms, 0 when it was taken.
 * Two statements: the first refills and shows, the second takes only what is still there.
 */
export async function takeToken(db: Db, installationId: number, floor: number): Promise<number> {
  const need = (floor + 1) * 1000;
  const [bucket] = await db.execute<{ tokens: string; blockedMs: number }>(sql`
    insert into rate_bucket as b (installation_id, tokens_milli, refilled_at)
    values (${installationId}, ${full}, now())
    on conflict (installation_id) do update set
      tokens_milli = least(
        ${full}::bigint,
        b.tokens_milli + (extract(epoch from now() - b.refilled_at) * ${perSecond}::int)::bigint
      ),
      refilled_at = now()
    returning b.tokens_milli as tokens,
      coalesce(greatest(extract(epoch from b.blocked_until - now()) * 1000, 0), 0)::int as "blockedMs"`);
  if (bucket === undefined) throw new Error("the rate bucket gave no row");
  if (bucket.blockedMs > 0) return Math.min(bucket.blockedMs, maxWaitMs);
  const missing = need - Number(bucket.tokens);
  if (missing > 0) return Math.min(Math.max(Math.ceil((missing / perSecond) * 1000), minWaitMs), maxWaitMs);
  const taken = await db.execute(sql`
    update rate_bucket set tokens_milli = tokens_milli - 1000
    where installation_id = ${installationId} and tokens_milli >= ${need} returning 1`);
  return taken.length > 0 ? 0 : minWaitMs;
}

const minWaitMs = 50;
/** Others may give tokens back or lift the block sooner than it looks now. */
const maxWaitMs = 5_000;
