import { and, between, desc, eq, inArray, sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { repository, task } from "../../db/schema.ts";
import type { TaskStatus } from "../tasks/task.ts";

/** One line of `remote-claude tasks`; its JSON is a contract. */
export type ListedTask = {
  id: string;
  status: TaskStatus;
  verb: string;
  instruction: string;
  requester: string;
  repository: { owner: string; name: string };
  issueNumber: number;
  sessionId: string;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** From its start to its end; null while it has not ended, or when it never started. */
  durationMs: number | null;
  budgetMicroUsd: number;
};

export type TaskFilter = {
  repository: { owner: string; name: string } | null;
  /** Empty: all. */
  statuses: readonly TaskStatus[];
  limit: number;
};

/** The newest tasks of all accounts first. */
export async function listTasks(system: Db, filter: TaskFilter): Promise<ListedTask[]> {
  const { repository: wanted, statuses, limit } = filter;
  const rows = await system
    .select(columns)
    .from(task)
    .innerJoin(repository, eq(repository.id, task.repositoryId))
    .where(
      and(
        wanted === null ? undefined : eq(sql`lower(${repository.owner})`, wanted.owner.toLowerCase()),
        wanted === null ? undefined : eq(sql`lower(${repository.name})`, wanted.name.toLowerCase()),
        statuses.length === 0 ? undefined : inArray(task.status, [...statuses]),
      ),
    )
    .orderBy(desc(task.id))
    .limit(limit);
  return rows.map(toListed);
}

/** Tasks whose ids lie in a range, the newest first, ten at most. */
export async function findTasksInRange(
  system: Db,
  range: { first: string; last: string },
): Promise<ListedTask[]> {
  const rows = await system
    .select(columns)
    .from(task)
    .innerJoin(repository, eq(repository.id, task.repositoryId))
    .where(between(task.id, range.first, range.last))
    .orderBy(desc(task.id))
    .limit(10);
  return rows.map(toListed);
}

export async function findAccountOfTask(system: Db, taskId: string): Promise<string> {
  const [row] = await system.select({ accountId: task.accountId }).from(task).where(eq(task.id, taskId));
  if (row === undefined) throw new Error(`task ${taskId} vanished while it was read`);
  return row.accountId;
}

const columns = {
  id: task.id,
  status: task.status,
  verb: task.verb,
  instruction: task.instruction,
  requester: task.requesterLogin,
  owner: repository.owner,
  name: repository.name,
  issueNumber: task.issueNumber,
  sessionId: task.sessionId,
  createdAt: task.createdAt,
  startedAt: task.startedAt,
  finishedAt: task.finishedAt,
  budgetMicroUsd: task.budgetMicroUsd,
};

type Row = Omit<ListedTask, "repository" | "durationMs"> & { owner: string; name: string };

function toListed({ owner, name, ...row }: Row): ListedTask {
  return { ...row, repository: { owner, name }, durationMs: toDurationMs(row) };
}

export function toDurationMs(times: { startedAt: Date | null; finishedAt: Date | null }): number | null {
  const { startedAt, finishedAt } = times;
  return startedAt === null || finishedAt === null ? null : finishedAt.getTime() - startedAt.getTime();
}
