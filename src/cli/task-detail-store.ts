import { asc, eq } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { event, repository, session, step, task } from "../../db/schema.ts";
import { sumTaskUsage } from "../usage/usage-store.ts";
import { toDurationMs } from "./task-list-store.ts";

/** Everything that is known of a task, as one reads it after the fact; its JSON is a contract. */
export type TaskDetail = NonNullable<Awaited<ReturnType<typeof findTaskDetail>>>;

/** Null when there is no such task. */
export async function findTaskDetail(deps: { db: Db; system: Db }, taskId: string) {
  const { system } = deps;
  const [row] = await system
    .select({ task, session, repository })
    .from(task)
    .innerJoin(session, eq(session.id, task.sessionId))
    .innerJoin(repository, eq(repository.id, task.repositoryId))
    .where(eq(task.id, taskId));
  if (row === undefined) return null;
  const { owner, name } = row.repository;
  return {
    task: toTask(row.task),
    session: toSession(row.session),
    repository: { owner, name },
    issueNumber: row.task.issueNumber,
    steps: await listSteps(system, taskId),
    outcome: row.task.outcome,
    receipt: row.task.receipt,
    usage: await sumUsage(deps.db, { accountId: row.task.accountId, taskId }),
    prompt: row.task.prompt,
    todos: row.task.todos ?? [],
    events: await listEvents(system, taskId),
  };
}

function toTask(row: typeof task.$inferSelect) {
  return {
    id: row.id,
    status: row.status,
    verb: row.verb,
    instruction: row.instruction,
    options: row.options,
    trigger: row.trigger,
    requester: row.requesterLogin,
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    finishedAt: row.finishedAt,
    durationMs: toDurationMs(row),
    fence: row.fence,
    failures: row.failures,
    budgetMicroUsd: row.budgetMicroUsd,
    cancelRequestedBy: row.cancelRequestedBy,
  };
}

function toSession(row: typeof session.$inferSelect) {
  return {
    id: row.id,
    status: row.status,
    branch: row.branch,
    baseRef: row.baseRef,
    baseSha: row.baseSha,
    headSha: row.headSha,
    pullNumber: row.pullNumber,
    claudeSessionId: row.claudeSessionId,
    sandbox:
      row.sandboxProvider === null || row.sandboxId === null
        ? null
        : { provider: row.sandboxProvider, id: row.sandboxId },
  };
}

async function listSteps(system: Db, taskId: string) {
  return system
    .select({
      name: step.name,
      status: step.status,
      attempt: step.attempt,
      fence: step.fence,
      startedAt: step.startedAt,
      finishedAt: step.finishedAt,
      result: step.result,
    })
    .from(step)
    .where(eq(step.taskId, taskId))
    .orderBy(asc(step.startedAt), asc(step.name));
}

async function listEvents(system: Db, taskId: string) {
  return system
    .select({
      fence: event.fence,
      sequence: event.sequence,
      kind: event.kind,
      createdAt: event.createdAt,
      data: event.data,
    })
    .from(event)
    .where(eq(event.taskId, taskId))
    .orderBy(asc(event.fence), asc(event.sequence));
}

async function sumUsage(db: Db, input: { accountId: string; taskId: string }) {
  const { models, costMicroUsd, priceMicroUsd } = await sumTaskUsage(db, input);
  const sum = (read: (model: (typeof models)[number]) => number) =>
    models.reduce((total, model) => total + read(model), 0);
  return {
    calls: sum(({ calls }) => calls),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    cacheReadTokens: sum(({ cacheReadTokens }) => cacheReadTokens),
    cacheWrite5mTokens: sum(({ cacheWrite5mTokens }) => cacheWrite5mTokens),
    cacheWrite1hTokens: sum(({ cacheWrite1hTokens }) => cacheWrite1hTokens),
    costMicroUsd,
    priceMicroUsd,
    models,
  };
}
