import { and, between, desc, eq, notInArray, sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { repository, sandboxUse, session, task } from "../../db/schema.ts";

/** One line of `remote-claude session list`; its JSON is a contract. */
export type ListedSession = {
  id: string;
  accountId: string;
  status: (typeof session.$inferSelect)["status"];
  repository: { owner: string; name: string };
  issueNumber: number;
  branch: string;
  pullNumber: number | null;
  sandbox: { provider: string; id: string } | null;
  openTasks: number;
  /** How long machines worked for it: the sum of what was metered. */
  totalHours: number;
  createdAt: Date;
  updatedAt: Date;
  endedAt: Date | null;
};

/** Sessions of all accounts, the newest first; `all`: the ended ones too. */
export async function listSessions(
  system: Db,
  filter: { all: boolean; limit: number },
): Promise<ListedSession[]> {
  const open = notInArray(session.status, ["terminated", "failed"]);
  const rows = await query(system)
    .where(filter.all ? undefined : open)
    .orderBy(desc(session.id))
    .limit(filter.limit);
  return rows.map(toListed);
}

/** Sessions whose ids lie in a range, the newest first, ten at most. */
export async function findSessionsInRange(
  system: Db,
  range: { first: string; last: string },
): Promise<ListedSession[]> {
  const rows = await query(system)
    .where(and(between(session.id, range.first, range.last)))
    .orderBy(desc(session.id))
    .limit(10);
  return rows.map(toListed);
}

function query(system: Db) {
  const openTasks = sql<number>`(
    select count(*)::int from ${task} of_session
    where of_session.session_id = ${session.id}
      and of_session.status in ('queued', 'provisioning', 'running', 'waiting')
  )`;
  const totalHours = sql<number>`(
    select coalesce(extract(epoch from sum(ended_at - started_at)), 0)::float8 / 3600 from ${sandboxUse} of_session
    where of_session.session_id = ${session.id}
  )`;
  return system
    .select({
      session,
      owner: repository.owner,
      name: repository.name,
      openTasks,
      totalHours,
    })
    .from(session)
    .innerJoin(repository, eq(repository.id, session.repositoryId))
    .$dynamic();
}

type Row = {
  session: typeof session.$inferSelect;
  owner: string;
  name: string;
  openTasks: number;
  totalHours: number;
};

function toListed({ session: row, owner, name, openTasks, totalHours }: Row): ListedSession {
  const { id, accountId, status, issueNumber, branch, pullNumber, sandboxProvider, sandboxId } = row;
  const { createdAt, updatedAt, endedAt } = row;
  return {
    id,
    accountId,
    status,
    repository: { owner, name },
    issueNumber,
    branch,
    pullNumber,
    sandbox:
      sandboxProvider === null || sandboxId === null ? null : { provider: sandboxProvider, id: sandboxId },
    openTasks,
    totalHours: Math.round(totalHours * 10_000) / 10_000,
    createdAt,
    updatedAt,
    endedAt,
  };
}
