import { and, eq, inArray, lt, ne, notInArray, or, sql, type SQL } from "drizzle-orm";
import { recordAudit } from "../../db/audit.ts";
import type { Db, Tx } from "../../db/client.ts";
import { sandbox, session } from "../../db/schema.ts";
import type { SandboxRef } from "../sandbox/fleet.ts";

export type SandboxRecord = typeof sandbox.$inferSelect;

/** Why a machine was ended, as its row says; whoever asks may use words of his own. */
export type EndReason =
  "gone" | "session-ended" | "session-unknown" | "replaced" | "old-fence" | "unused" | (string & {});

/** A machine and whose it is. */
export type OwnedSandbox = SandboxRef & { accountId: string; sessionId: string; fence: number };

/**
 * Writes down that a task is about to use this machine: call it right before connecting and right after creating. It waits for an
 * idle pause of the machine that is under way. False: the machine is being ended; take it for gone.
 */
export async function recordSandbox(tx: Tx, input: OwnedSandbox): Promise<boolean> {
  const { provider, id, accountId, sessionId, fence } = input;
  const rows = await tx
    .insert(sandbox)
    .values({ provider, id, accountId, sessionId, fence, status: "running" })
    .onConflictDoUpdate({
      target: [sandbox.provider, sandbox.id],
      set: { status: "running", usedAt: sql`now()`, endedAt: null, endReason: null },
      setWhere: ne(sandbox.status, "ending"),
    })
    .returning({ id: sandbox.id });
  return rows.length > 0;
}

/** A machine was paused; so is its session, if it is the one in use. */
export async function markPaused(tx: Tx, ref: SandboxRef): Promise<void> {
  // The machine's row before the session's, as whoever opens a machine writes them.
  await tx
    .update(sandbox)
    .set({ status: "paused" })
    .where(and(is(ref), eq(sandbox.status, "running")));
  await tx
    .update(session)
    .set({ status: "paused" })
    .where(and(inUse(ref), eq(session.status, "active")));
}

/** What the provider lists and the row does not know, or knows otherwise; the row of a machine that is being ended stays. */
export async function markSeen(
  system: Db,
  machine: OwnedSandbox & { status: "running" | "paused" },
): Promise<void> {
  const { provider, id, accountId, sessionId, fence, status } = machine;
  await system
    .insert(sandbox)
    .values({ provider, id, accountId, sessionId, fence, status })
    .onConflictDoUpdate({
      target: [sandbox.provider, sandbox.id],
      set: { status, endedAt: null, endReason: null },
      setWhere: ne(sandbox.status, "ending"),
    });
}

/** The machine is no more. The reason for which its end was asked for stays the reason. */
export async function markEnded(db: Db | Tx, ref: SandboxRef, reason: EndReason): Promise<void> {
  const rows = await db
    .update(sandbox)
    .set({
      status: "ended",
      endedAt: sql`now()`,
      endReason: sql`case when ${sandbox.status} = 'ending' then ${sandbox.endReason} else ${reason} end`,
    })
    .where(and(is(ref), ne(sandbox.status, "ended")))
    .returning({ accountId: sandbox.accountId, session: sandbox.sessionId, why: sandbox.endReason });
  const { provider, id } = ref;
  for (const { accountId, session: of, why } of rows)
    await recordAudit(db, {
      ...{ accountId, act: "sandbox-ended", actor: "server" },
      data: { sandbox: `${provider}/${id}`, session: of, reason: why },
    });
}

/**
 * Asks for a machine's end, whether it has a row or not; from now on no task takes it. `unusedSince`: only if no turn has used it
 * after that. False when one has.
 */
export async function requestEnd(
  db: Db | Tx,
  machine: OwnedSandbox,
  input: { reason: EndReason; unusedSince?: Date },
): Promise<boolean> {
  const { provider, id, accountId, sessionId, fence } = machine;
  const ending = { status: "ending", endReason: input.reason } as const;
  const rows = await db
    .insert(sandbox)
    .values({ provider, id, accountId, sessionId, fence, ...ending })
    .onConflictDoUpdate({
      target: [sandbox.provider, sandbox.id],
      set: { ...ending, endedAt: null },
      ...(input.unusedSince === undefined ? {} : { setWhere: lt(sandbox.usedAt, input.unusedSince) }),
    })
    .returning({ id: sandbox.id });
  return rows.length > 0;
}

/** Whose machines are meant: one session's, all of sessions that are over, those named, or every one. */
export type EndScope = { sessionId: string } | { refs: readonly SandboxRef[] } | "sessions-over" | "all";

/** Asks for the end of all recorded machines in scope that are not ended. */
export async function requestEnds(system: Db, scope: EndScope, reason: EndReason): Promise<void> {
  if (typeof scope === "object" && "refs" in scope && scope.refs.length === 0) return;
  await system
    .update(sandbox)
    .set({ status: "ending", endReason: reason })
    .where(and(inArray(sandbox.status, ["running", "paused"]), inScope(system, scope)));
}

/** Machines whose end was asked for and is not confirmed, the oldest first. */
export async function findEnding(system: Db): Promise<SandboxRecord[]> {
  return system.select().from(sandbox).where(eq(sandbox.status, "ending")).orderBy(sandbox.createdAt);
}

/** The rows of these machines. */
export async function findSandboxes(system: Db, refs: readonly SandboxRef[]): Promise<SandboxRecord[]> {
  if (refs.length === 0) return [];
  return system
    .select()
    .from(sandbox)
    .where(or(...refs.map(is)));
}

/** Machines that are not ended, at providers other than these. */
export async function findElsewhere(
  system: Db,
  providers: readonly string[],
): Promise<{ provider: string; machines: number }[]> {
  return system
    .select({ provider: sandbox.provider, machines: sql<number>`count(*)::int` })
    .from(sandbox)
    .where(and(ne(sandbox.status, "ended"), notInArray(sandbox.provider, [...providers])))
    .groupBy(sandbox.provider);
}

/** The session in whose row this machine stands as the one in use. */
const inUse = ({ provider, id }: SandboxRef): SQL | undefined =>
  and(eq(session.sandboxProvider, provider), eq(session.sandboxId, id));

const is = ({ provider, id }: SandboxRef): SQL | undefined =>
  and(eq(sandbox.provider, provider), eq(sandbox.id, id));

function inScope(system: Db, scope: EndScope): SQL | undefined {
  if (scope === "all") return undefined;
  if (scope === "sessions-over") {
    const over = system
      .select({ id: session.id })
      .from(session)
      .where(inArray(session.status, ["terminated", "failed"]));
    return inArray(sandbox.sessionId, over);
  }
  return "sessionId" in scope ? eq(sandbox.sessionId, scope.sessionId) : or(...scope.refs.map(is));
}
