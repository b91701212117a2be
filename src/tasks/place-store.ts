import { and, eq, inArray, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { account, step, task } from "../../db/schema.ts";
import { estimateTask } from "./estimate-store.ts";
import { placeInStandings, type LineLimit, type Standing } from "./line-places.ts";
import { turnStep } from "./queue-turn-store.ts";

/** Where a task stands in the line for what it waits for: its account's slots, or one of its repository's limits. */
export type Place = {
  /** Open tasks in that line before this one, running ones included. */
  ahead: number;
  /** Those of them that run. */
  running: number;
  open: number;
  /** How many of them may run at once. */
  slots: number;
  /** The limit that the line is for; null: the account's. */
  limit: LineLimit | null;
  /** An earlier task of the same session is still open. */
  sessionBusy: boolean;
  /** Until it begins: half of the time it takes at most `typicalMs`, nine times in ten at most `longMs`; null: nothing to go by. */
  estimate: { typicalMs: number; longMs: number } | null;
  typicalMs: number | null;
};

export async function findPlace(
  tx: Tx,
  input: { taskId: string; sessionId: string; accountId: string },
): Promise<Place> {
  const { taskId, sessionId, accountId } = input;
  const line = await readLine(tx, accountId);
  const [facts] = await tx.select({ repositoryId: task.repositoryId }).from(task).where(eq(task.id, taskId));
  const accountSlots = await readSlots(tx, accountId);
  const { before, open, slots, limit } = placeInStandings(line, { taskId, accountSlots });
  // Its session's order holds whatever the turns say.
  const session = line.filter((other) => other.sessionId === sessionId && other.id < taskId);
  const running = before.filter(({ runs }) => runs).length;
  const rounds = Math.max(1, Math.ceil((before.length - slots + 1) / slots), session.length);
  const one =
    facts === undefined ? null : await estimateTask(tx, { accountId, repositoryId: facts.repositoryId });
  return {
    ahead: before.length,
    running,
    open,
    slots,
    limit,
    sessionBusy: session.length > 0,
    estimate: one === null ? null : { typicalMs: one.typicalMs * rounds, longMs: one.longMs * rounds },
    typicalMs: one?.typicalMs ?? null,
  };
}

/** How many tasks of the account may run at once. */
export async function readSlots(tx: Tx, accountId: string): Promise<number> {
  const [row] = await tx
    .select({ n: account.maxParallelTasks })
    .from(account)
    .where(eq(account.id, accountId));
  return row?.n ?? 1;
}

/** The account's tasks that run or wait for a slot, as they come to run. */
async function readLine(tx: Tx, accountId: string): Promise<Standing[]> {
  const rows = await tx
    .select({
      id: task.id,
      sessionId: task.sessionId,
      repositoryId: task.repositoryId,
      requesterId: task.requesterId,
      requesterLogin: task.requesterLogin,
      runs: sql<boolean>`${task.status} <> 'queued'`,
      turn: sql<number>`coalesce((${step.result}->>'turn')::float8, extract(epoch from ${task.createdAt})::float8)`,
      perRepository: sql<number | null>`(${step.result}->>'perRepository')::int`,
      perUser: sql<number | null>`(${step.result}->>'perUser')::int`,
    })
    .from(task)
    .leftJoin(step, and(eq(step.taskId, task.id), eq(step.name, turnStep)))
    .where(and(eq(task.accountId, accountId), inArray(task.status, ["queued", "provisioning", "running"])));
  return rows.sort((a, b) => Number(b.runs) - Number(a.runs) || a.turn - b.turn || (a.id < b.id ? -1 : 1));
}
