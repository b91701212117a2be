import { and, eq, inArray, notInArray, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { recordAudit } from "../../db/audit.ts";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { session, task } from "../../db/schema.ts";

export type Session = typeof session.$inferSelect;

const ended = ["terminated", "failed"] as const;

/**
 * The open session of an issue, made when there is none. `nameBranch(n)` gives the branch of the nth session
 * of this issue (1 first), because a branch is never used by two sessions.
 */
export async function findOrCreateSession(
  tx: Tx,
  input: {
    accountId: string;
    repositoryId: number;
    issueNumber: number;
    nameBranch: (nth: number) => string;
    /** The conversation of a person's pull request: it works on that branch, or writes nothing. */
    personsPull?: { number: number; branch: string; writes: "pull-head" | "nothing" };
  },
): Promise<Session> {
  const { accountId, repositoryId, issueNumber } = input;
  const earlier = await tx
    .select()
    .from(session)
    .where(and(eq(session.repositoryId, repositoryId), eq(session.issueNumber, issueNumber)));
  const open = earlier.find(({ status }) => status !== "terminated" && status !== "failed");
  if (open !== undefined) return open;
  const { personsPull } = input;
  const inserted = await tx
    .insert(session)
    .values({
      id: uuidv7(),
      accountId,
      repositoryId,
      issueNumber,
      ...(personsPull === undefined
        ? { branch: freeBranch(earlier, input.nameBranch) }
        : { branch: personsPull.branch, writes: personsPull.writes, pullNumber: personsPull.number }),
      claudeSessionId: crypto.randomUUID(),
    })
    .onConflictDoNothing()
    .returning();
  const made = inserted[0];
  if (made !== undefined) return made;
  // Another delivery of the same moment was quicker; its row is visible now.
  const [theirs] = await tx
    .select()
    .from(session)
    .where(
      and(
        eq(session.repositoryId, repositoryId),
        eq(session.issueNumber, issueNumber),
        notInArray(session.status, [...ended]),
      ),
    );
  if (theirs === undefined)
    throw new Error(`no session could be made for issue ${issueNumber} of repository ${repositoryId}`);
  return theirs;
}

/** A session that met somebody else's branch has taken a later name, so the count alone does not tell the next free one. */
function freeBranch(earlier: readonly Session[], nameBranch: (nth: number) => string): string {
  const taken = new Set(earlier.map(({ branch }) => branch));
  let nth = earlier.length + 1;
  while (taken.has(nameBranch(nth))) nth += 1;
  return nameBranch(nth);
}

/** The open session of an issue, seen by its account; null when there is none. */
export async function findOpenSession(
  db: Db,
  input: { accountId: string; repositoryId: number; issueNumber: number },
): Promise<Session | null> {
  return withAccount(db, input.accountId, async (tx) => {
    const [row] = await tx
      .select()
      .from(session)
      .where(
        and(
          eq(session.repositoryId, input.repositoryId),
          eq(session.issueNumber, input.issueNumber),
          notInArray(session.status, [...ended]),
        ),
      );
    return row ?? null;
  });
}

/** The open session whose pull request this is; null when it is not ours. */
export async function findSessionByPull(
  db: Db,
  input: { accountId: string; repositoryId: number; pullNumber: number },
): Promise<Session | null> {
  return withAccount(db, input.accountId, (tx) => findSessionOfPull(tx, input));
}

export async function findSessionOfPull(
  tx: Tx,
  input: { repositoryId: number; pullNumber: number },
): Promise<Session | null> {
  const [row] = await tx
    .select()
    .from(session)
    .where(
      and(
        eq(session.repositoryId, input.repositoryId),
        eq(session.pullNumber, input.pullNumber),
        notInArray(session.status, [...ended]),
      ),
    );
  return row ?? null;
}

/** Sessions of any account by id; ids that are no UUID are left out. For the reaper. */
export async function findSessionsById(system: Db, ids: readonly string[]): Promise<Map<string, Session>> {
  const known = ids.filter((id) => /^[0-9a-f-]{36}$/.test(id));
  if (known.length === 0) return new Map();
  const rows = await system.select().from(session).where(inArray(session.id, known));
  return new Map(rows.map((row) => [row.id, row]));
}

export async function findSession(db: Db | Tx, sessionId: string): Promise<Session | null> {
  const [row] = await db.select().from(session).where(eq(session.id, sessionId));
  return row ?? null;
}

/** Writes to an open session while the task that works on it still holds its fence; false when either is over. */
export async function updateSession(
  tx: Tx,
  input: { sessionId: string; taskId: string; fence: number; set: Partial<typeof session.$inferInsert> },
): Promise<boolean> {
  const held = tx
    .select({ id: task.sessionId })
    .from(task)
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)));
  const rows = await tx
    .update(session)
    .set({ ...input.set, updatedAt: sql`now()` })
    .where(
      and(eq(session.id, input.sessionId), inArray(session.id, held), notInArray(session.status, [...ended])),
    )
    .returning({ id: session.id });
  return rows.length > 0;
}

/** Ends a session for good; its machine is left to the reaper. */
export async function endSession(system: Db, sessionId: string): Promise<void> {
  const rows = await system
    .update(session)
    .set(over)
    .where(and(eq(session.id, sessionId), notInArray(session.status, [...ended])))
    .returning({ id: session.id, accountId: session.accountId });
  await auditEnd(system, rows);
}

/** Ends every open session of these repositories. */
export async function endSessionsOfRepositories(system: Db, repositoryIds: readonly number[]): Promise<void> {
  if (repositoryIds.length === 0) return;
  const rows = await system
    .update(session)
    .set(over)
    .where(and(inArray(session.repositoryId, [...repositoryIds]), notInArray(session.status, [...ended])))
    .returning({ id: session.id, accountId: session.accountId });
  await auditEnd(system, rows);
}

async function auditEnd(db: Db | Tx, rows: readonly { id: string; accountId: string }[]): Promise<void> {
  for (const { id, accountId } of rows)
    await recordAudit(db, { accountId, act: "session-ended", actor: "server", data: { session: id } });
}

const over = { status: "terminated", endedAt: sql`now()`, updatedAt: sql`now()` } as const;
