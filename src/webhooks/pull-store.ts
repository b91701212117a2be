import { and, desc, eq, isNotNull, notInArray, sql } from "drizzle-orm";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { account, session, task } from "../../db/schema.ts";
import { isBot } from "../tasks/is-bot.ts";
import type { Session } from "../sessions/session-store.ts";

const over = ["terminated", "failed"] as const;

type PullRef = { accountId: string; repositoryId: number; pullNumber: number };

/** The newest session that worked on this pull request, ended or not; null when none did. */
export async function findLastSessionOfPull(deps: { db: Db }, input: PullRef): Promise<Session | null> {
  return withAccount(deps.db, input.accountId, async (tx) => {
    const [row] = await tx.select().from(session).where(isPull(input)).orderBy(desc(session.id)).limit(1);
    return row ?? null;
  });
}

/**
 * Lets the ended session of a pull request of ours live again, on its branch and in its conversation. Null when there is none,
 * or when the issue has begun another one meanwhile.
 */
export async function reviveSession(deps: { db: Db }, input: PullRef): Promise<Session | null> {
  return withAccount(deps.db, input.accountId, async (tx) => {
    // One at a time for an account: two that look at once would both find no open one.
    await tx
      .select({ id: account.id })
      .from(account)
      .where(eq(account.id, input.accountId))
      .for("no key update");
    const [last] = await tx
      .select()
      .from(session)
      .where(and(isPull(input), eq(session.writes, "own-branch")))
      .orderBy(desc(session.id))
      .limit(1);
    if (last === undefined) return null;
    if (last.endedAt === null) return last;
    if (await hasOpenSession(tx, last)) return null;
    const [row] = await tx
      .update(session)
      .set({ status: "paused", endedAt: null, sandboxProvider: null, sandboxId: null, updatedAt: sql`now()` })
      .where(eq(session.id, last.id))
      .returning();
    return row ?? null;
  });
}

async function hasOpenSession(
  tx: Tx,
  { repositoryId, issueNumber }: Pick<Session, "repositoryId" | "issueNumber">,
): Promise<boolean> {
  const open = and(
    eq(session.repositoryId, repositoryId),
    eq(session.issueNumber, issueNumber),
    notInArray(session.status, [...over]),
  );
  return (await tx.$count(session, open)) > 0;
}

/** Notes that somebody has pointed a pull request of ours at another base; false when it is none of ours. */
export async function moveBase(
  deps: { db: Db },
  { baseRef, ...input }: PullRef & { baseRef: string },
): Promise<boolean> {
  return withAccount(deps.db, input.accountId, async (tx) => {
    const rows = await tx
      .update(session)
      .set({ baseRef, updatedAt: sql`now()` })
      .where(and(isPull(input), eq(session.writes, "own-branch"), notInArray(session.status, [...over])))
      .returning({ id: session.id });
    return rows.length > 0;
  });
}

/** The open session that writes to this branch; null when none does. */
export async function findSessionOfBranch(
  deps: { db: Db },
  input: { accountId: string; repositoryId: number; branch: string },
): Promise<Session | null> {
  return withAccount(deps.db, input.accountId, async (tx) => {
    const [row] = await tx
      .select()
      .from(session)
      .where(
        and(
          eq(session.repositoryId, input.repositoryId),
          eq(session.branch, input.branch),
          isNotNull(session.pullNumber),
          notInArray(session.status, [...over]),
        ),
      );
    return row ?? null;
  });
}

/** More than this is never asked for. */
const lookBack = 20;

/** How many of a session's last tasks in a row no person asked for: bots did, or checks, or a conflict. */
export async function countTurnsWithoutPerson(
  deps: { db: Db },
  input: { accountId: string; sessionId: string; botIds: readonly number[] },
): Promise<number> {
  const rows = await withAccount(deps.db, input.accountId, (tx) =>
    tx
      .select({ trigger: task.trigger, id: task.requesterId, login: task.requesterLogin })
      .from(task)
      .where(eq(task.sessionId, input.sessionId))
      .orderBy(desc(task.id))
      .limit(lookBack),
  );
  const byPerson = rows.findIndex(
    ({ trigger, id, login }) =>
      trigger !== "checks" && trigger !== "conflict" && !isBot({ id, login }, input.botIds),
  );
  return byPerson === -1 ? rows.length : byPerson;
}

function isPull({ repositoryId, pullNumber }: PullRef) {
  return and(eq(session.repositoryId, repositoryId), eq(session.pullNumber, pullNumber));
}
