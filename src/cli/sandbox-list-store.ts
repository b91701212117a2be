import { desc, eq, inArray, ne, sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { repository, sandbox, session, task } from "../../db/schema.ts";

/** Whose a machine is, for a person. */
export type SandboxOwner = {
  id: string;
  status: (typeof session.$inferSelect)["status"];
  repository: { owner: string; name: string };
  issueNumber: number;
};

export type RecordedSandbox = typeof sandbox.$inferSelect & { owner: SandboxOwner; inUse: boolean };

/** Rows of machines of all accounts, the last used first; `all`: the ended ones too, as many as `limit`. */
export async function listRecordedSandboxes(
  system: Db,
  filter: { all: boolean; limit: number },
): Promise<RecordedSandbox[]> {
  const rows = await system
    .select({ record: sandbox, ...ownerColumns })
    .from(sandbox)
    .innerJoin(session, eq(session.id, sandbox.sessionId))
    .innerJoin(repository, eq(repository.id, session.repositoryId))
    .where(filter.all ? undefined : ne(sandbox.status, "ended"))
    .orderBy(desc(sandbox.usedAt))
    .limit(filter.limit);
  return rows.map(({ record, session: owner, ...names }) => ({
    ...record,
    owner: toOwner(owner, names),
    inUse: owner.sandboxProvider === record.provider && owner.sandboxId === record.id,
  }));
}

/** These sessions, by id. */
export async function findSandboxOwners(
  system: Db,
  sessionIds: readonly string[],
): Promise<Map<string, SandboxOwner>> {
  const known = sessionIds.filter((id) => /^[0-9a-f-]{36}$/.test(id));
  if (known.length === 0) return new Map();
  const rows = await system
    .select(ownerColumns)
    .from(session)
    .innerJoin(repository, eq(repository.id, session.repositoryId))
    .where(inArray(session.id, known));
  return new Map(rows.map(({ session: row, ...names }) => [row.id, toOwner(row, names)]));
}

/** How many tasks are at work in a machine, or about to open one. */
export async function countBusyTasks(system: Db): Promise<number> {
  const [row] = await system
    .select({ n: sql<number>`count(*)::int` })
    .from(task)
    .where(inArray(task.status, ["provisioning", "running"]));
  return row?.n ?? 0;
}

const ownerColumns = { session, repositoryOwner: repository.owner, repositoryName: repository.name };

function toOwner(
  { id, status, issueNumber }: typeof session.$inferSelect,
  names: { repositoryOwner: string; repositoryName: string },
): SandboxOwner {
  return {
    id,
    status,
    repository: { owner: names.repositoryOwner, name: names.repositoryName },
    issueNumber,
  };
}
