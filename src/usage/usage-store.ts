import { and, eq, sql } from "drizzle-orm";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { modelCall, sandboxUse, usage } from "../../db/schema.ts";
import { TransientError } from "../errors.ts";
import type { TokenCounts } from "./price.ts";

export type Attempt = {
  taskId: string;
  accountId: string;
  sessionId: string;
  /** The fence under which the calls were made. */
  attempt: number;
  /** platform: the attempt was lost or failed by our own fault, so the account pays nothing for it. */
  fault: "none" | "platform";
  /** Its gateway is gone, so what is not settled now never will be; such a call is written as ours to pay. */
  over?: boolean;
};

/**
 * Writes the model calls and the machine's intervals of one attempt into the ledger, each once however often this is called. A call of a platform
 * attempt that nobody settled is written at its reservation; one of a good attempt is about to be settled, so that is
 * a TransientError.
 */
export async function recordUsage(tx: Tx, attempt: Attempt): Promise<void> {
  const isOver = attempt.fault !== "none" || attempt.over === true;
  await Promise.all([
    isOver ? null : requireSettled(tx, attempt),
    recordCalls(tx, attempt),
    recordMachine(tx, attempt),
  ]);
}

/** The attempts before this one that used something of which the ledger has nothing yet, the oldest first. */
export async function listUnrecorded(
  tx: Tx,
  { taskId, accountId, before }: TaskRef & { before: number },
): Promise<number[]> {
  const used = await tx.execute<{ attempt: number }>(sql`
    select attempt from (
      select ${modelCall.fence} as attempt from ${modelCall}
      where ${modelCall.taskId} = ${taskId} and ${modelCall.accountId} = ${accountId}
      union
      select ${sandboxUse.attempt} from ${sandboxUse}
      where ${sandboxUse.taskId} = ${taskId} and ${sandboxUse.accountId} = ${accountId}
    ) as used
    where attempt < ${before} and not exists (
      select from ${usage} where ${usage.taskId} = ${taskId} and ${usage.attempt} = used.attempt
    )
    order by attempt
  `);
  return used.map(({ attempt }) => attempt);
}

async function recordCalls(tx: Tx, attempt: Attempt): Promise<void> {
  const cost = sql`coalesce(${modelCall.costMicroUsd}, ${modelCall.reservedMicroUsd})`;
  const paid = attempt.fault === "none" ? sql`${modelCall.status} = 'settled'` : sql`false`;
  await tx.execute(sql`
    insert into ${usage} (
      id, account_id, task_id, session_id, attempt, model_call_id, model,
      input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
      cost_micro_usd, price_micro_usd, fault
    )
    select
      gen_random_uuid(), ${modelCall.accountId}, ${modelCall.taskId}, ${attempt.sessionId}, ${modelCall.fence},
      ${modelCall.id}, ${modelCall.model},
      ${modelCall.inputTokens}, ${modelCall.outputTokens}, ${modelCall.cacheReadTokens},
      ${modelCall.cacheWrite5mTokens}, ${modelCall.cacheWrite1hTokens},
      ${cost}, case when ${paid} then ${cost} else 0 end, case when ${paid} then 'none' else 'platform' end
    from ${modelCall}
    where ${ofAttempt(attempt)} and ${modelCall.status} <> 'refused'
    on conflict (task_id, attempt, model_call_id) do nothing
  `);
}

async function recordMachine(tx: Tx, { taskId, accountId, attempt, fault }: Attempt): Promise<void> {
  const price = fault === "none" ? sql`${sandboxUse.costMicroUsd}` : sql`0`;
  await tx.execute(sql`
    insert into ${usage} (
      id, account_id, task_id, session_id, attempt, kind, model_call_id, model, duration_ms,
      input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
      cost_micro_usd, price_micro_usd, fault
    )
    select
      gen_random_uuid(), ${sandboxUse.accountId}, ${sandboxUse.taskId}, ${sandboxUse.sessionId}, ${sandboxUse.attempt},
      'sandbox', ${sandboxUse.id}, ${sandboxUse.provider},
      round(extract(epoch from ${sandboxUse.endedAt} - ${sandboxUse.startedAt}) * 1000)::int, 0, 0, 0, 0, 0,
      ${sandboxUse.costMicroUsd}, ${price}, ${fault}
    from ${sandboxUse}
    where ${sandboxUse.taskId} = ${taskId} and ${sandboxUse.accountId} = ${accountId} and ${sandboxUse.attempt} = ${attempt}
    on conflict (task_id, attempt, model_call_id) do nothing
  `);
}

async function requireSettled(tx: Tx, attempt: Attempt): Promise<void> {
  const open = await tx.$count(modelCall, and(ofAttempt(attempt), eq(modelCall.status, "reserved")));
  if (open === 0) return;
  throw new TransientError(
    `Expected every model call of task ${attempt.taskId}, attempt ${attempt.attempt}, to be settled, got ${open} that are not; the gateway settles them when it closes`,
  );
}

function ofAttempt({ taskId, accountId, attempt }: Attempt) {
  return and(eq(modelCall.taskId, taskId), eq(modelCall.accountId, accountId), eq(modelCall.fence, attempt));
}

export type ModelUsage = TokenCounts & {
  model: string;
  calls: number;
  costMicroUsd: number;
  priceMicroUsd: number;
};

export type TaskUsage = {
  /** The dearest first. */
  models: readonly ModelUsage[];
  machine: MachineUsage;
  /** What the calls and the machine cost at the vendors' list prices. */
  costMicroUsd: number;
  /** What of it counts for the account: the ledger's word for attempts that are in it, the cost for the one under way. */
  priceMicroUsd: number;
};

export type MachineUsage = { durationMs: number; costMicroUsd: number; priceMicroUsd: number };

/** What a task has used in all its attempts so far; calls that are still under way are not in it. */
export async function sumTaskUsage(db: Db, input: TaskRef): Promise<TaskUsage> {
  return withAccount(db, input.accountId, async (tx) => {
    const [models, machine] = await Promise.all([sumModels(tx, input), sumMachine(tx, input)]);
    const all = [...models, machine];
    return {
      models,
      machine,
      costMicroUsd: all.reduce((sum, row) => sum + row.costMicroUsd, 0),
      priceMicroUsd: all.reduce((sum, row) => sum + row.priceMicroUsd, 0),
    };
  });
}

type TaskRef = { accountId: string; taskId: string };

const total = (column: unknown) => sql<number>`coalesce(sum(${column}), 0)`.mapWith(Number);

async function sumModels(tx: Tx, { accountId, taskId }: TaskRef): Promise<ModelUsage[]> {
  const cost = sql`coalesce(${usage.costMicroUsd}, ${modelCall.costMicroUsd}, 0)`;
  return tx
    .select({
      model: modelCall.model,
      calls: sql<number>`count(*)`.mapWith(Number),
      inputTokens: total(modelCall.inputTokens),
      outputTokens: total(modelCall.outputTokens),
      cacheReadTokens: total(modelCall.cacheReadTokens),
      cacheWrite5mTokens: total(modelCall.cacheWrite5mTokens),
      cacheWrite1hTokens: total(modelCall.cacheWrite1hTokens),
      costMicroUsd: total(cost),
      priceMicroUsd: total(sql`coalesce(${usage.priceMicroUsd}, ${modelCall.costMicroUsd}, 0)`),
    })
    .from(modelCall)
    .leftJoin(usage, and(eq(usage.modelCallId, modelCall.id), eq(usage.taskId, modelCall.taskId)))
    .where(
      and(
        eq(modelCall.taskId, taskId),
        eq(modelCall.accountId, accountId),
        sql`(${modelCall.status} = 'settled' or ${usage.id} is not null)`,
      ),
    )
    .groupBy(modelCall.model)
    .orderBy(sql`sum(${cost}) desc`, modelCall.model);
}

async function sumMachine(tx: Tx, { accountId, taskId }: TaskRef): Promise<MachineUsage> {
  const [row] = await tx
    .select({
      durationMs:
        sql<number>`coalesce(round(extract(epoch from sum(${sandboxUse.endedAt} - ${sandboxUse.startedAt})) * 1000), 0)`.mapWith(
          Number,
        ),
      costMicroUsd: total(sandboxUse.costMicroUsd),
      priceMicroUsd: total(sql`coalesce(${usage.priceMicroUsd}, ${sandboxUse.costMicroUsd})`),
    })
    .from(sandboxUse)
    .leftJoin(usage, and(eq(usage.modelCallId, sandboxUse.id), eq(usage.taskId, sandboxUse.taskId)))
    .where(and(eq(sandboxUse.taskId, taskId), eq(sandboxUse.accountId, accountId)));
  return row ?? { durationMs: 0, costMicroUsd: 0, priceMicroUsd: 0 };
}
