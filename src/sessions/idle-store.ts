import { and, eq, inArray, lt, notExists } from "drizzle-orm";
import type { Db, Tx } from "../../db/client.ts";
import { sandbox, task } from "../../db/schema.ts";
import type { SandboxRef } from "../sandbox/fleet.ts";

type IdleSandbox = SandboxRef & { sessionId: string };

/** Running machines in which nothing has happened since then and for which nothing waits, the longest idle first. */
export async function findIdle(
  system: Db,
  input: { usedBefore: Date; providers: readonly string[]; limit: number },
): Promise<IdleSandbox[]> {
  return system
    .select({ provider: sandbox.provider, id: sandbox.id, sessionId: sandbox.sessionId })
    .from(sandbox)
    .where(and(inArray(sandbox.provider, [...input.providers]), idle(system, input.usedBefore)))
    .orderBy(sandbox.usedAt)
    .limit(input.limit);
}

/**
 * Runs `work` while nobody can begin to use the machine; null, without running it, when it is not idle any more or somebody else
 * holds it. A task that comes meanwhile waits in recordSandbox, at most as long as a query may take (db/client.ts).
 */
export async function holdIdle<T>(
  system: Db,
  input: IdleSandbox & { usedBefore: Date },
  work: (tx: Tx) => Promise<T>,
): Promise<T | null> {
  return system.transaction(async (tx) => {
    const [row] = await tx
      .select({ id: sandbox.id })
      .from(sandbox)
      .where(and(eq(sandbox.provider, input.provider), eq(sandbox.id, input.id), idle(tx, input.usedBefore)))
      .for("update", { skipLocked: true });
    return row === undefined ? null : work(tx);
  });
}

function idle(db: Db | Tx, usedBefore: Date) {
  const waiting = db
    .select({ id: task.id })
    .from(task)
    .where(
      and(eq(task.sessionId, sandbox.sessionId), inArray(task.status, ["queued", "provisioning", "running"])),
    );
  return and(eq(sandbox.status, "running"), lt(sandbox.usedAt, usedBefore), notExists(waiting));
}
