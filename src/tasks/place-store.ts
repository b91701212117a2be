import { and, asc, eq, inArray, ne, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { account, task } from "../../db/schema.ts";
import { openStatuses } from "./task-store.ts";

/** Where a task stands in its account's line. */
export type Place = {
  /** Open tasks of the account before this one, running ones included. */
  ahead: number;
  open: number;
  slots: number;
  sessionBusy: boolean;
  /** Median time of the account's last twenty finished tasks, ms; null when there is none. */
  typicalMs: number | null;
};

export async function findPlace(
  tx: Tx,
  input: { taskId: string; sessionId: string; accountId: string },
): Promise<Place> {
  const open = await tx
    .select({ id: task.id, sessionId: task.sessionId })
    .from(task)
    .where(
      and(
        eq(task.accountId, input.accountId),
        inArray(task.status, [...openStatuses]),
        ne(task.status, "waiting"),
      ),
    )
    .orderBy(asc(task.id));
  const [slots] = await tx
    .select({ n: account.maxParallelTasks })
    .from(account)
    .where(eq(account.id, input.accountId));
  const [typical] = await tx.execute<{ ms: number | null }>(sql`
    select (percentile_cont(0.5) within group (order by extract(epoch from finished_at - started_at)) * 1000)::int as ms
    from (select finished_at, started_at from task
          where account_id = ${input.accountId} and status = 'completed' and started_at is not null
          order by id desc limit 20) recent`);
  const before = open.filter(({ id }) => id < input.taskId);
  return {
    ahead: before.length,
    open: open.length,
    slots: slots?.n ?? 1,
    sessionBusy: before.some(({ sessionId }) => sessionId === input.sessionId),
    typicalMs: typical?.ms ?? null,
  };
}
