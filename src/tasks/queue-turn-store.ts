import { and, eq, inArray, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { step, task } from "../../db/schema.ts";
import type { ParallelLimits } from "./line-places.ts";

/** The step that keeps a task's turn in the line, and the limits of its repository that it stands under. */
export const turnStep = "line";

const noLimits: ParallelLimits = { perRepository: null, perUser: null };

/** About what a task takes: a person's next task stands behind what others ask for within that time. */
const quantumSeconds = 300;

/**
 * The task's turn in the line, in seconds since 1970; smaller is earlier. It is the time of asking, or a quantum after the
 * turn of the same person's last task that still stands in the line: twenty tasks of one person are spread over an hour and a half, and
 * whoever comes meanwhile gets in between. A turn never changes, so nobody waits for ever.
 */
export async function takeQueueTurn(
  tx: Tx,
  input: { taskId: string; accountId: string; limits?: ParallelLimits },
): Promise<number> {
  const { taskId, accountId, limits = noLimits } = input;
  const [mine] = await tx
    .select({ requesterId: task.requesterId, createdAt: task.createdAt })
    .from(task)
    .where(eq(task.id, taskId));
  if (mine === undefined) throw new Error(`task ${taskId} has no row to take a turn for`);
  const [last] = await tx
    .select({ turn: sql<number | null>`max((${step.result}->>'turn')::float8)` })
    .from(task)
    .innerJoin(step, and(eq(step.taskId, task.id), eq(step.name, turnStep)))
    .where(
      and(
        eq(task.accountId, accountId),
        eq(task.requesterId, mine.requesterId),
        inArray(task.status, ["queued", "provisioning", "running"]),
        sql`${task.id} <> ${taskId}`,
      ),
    );
  const asked = mine.createdAt.getTime() / 1_000;
  const turn = Math.round(Math.max(asked, (last?.turn ?? 0) + quantumSeconds));
  await tx
    .insert(step)
    .values({ taskId, accountId, name: turnStep, fence: 0, status: "started", result: { turn, ...limits } })
    .onConflictDoNothing();
  const [kept] = await tx
    .select({ turn: sql<number>`(${step.result}->>'turn')::float8` })
    .from(step)
    .where(and(eq(step.taskId, taskId), eq(step.name, turnStep)));
  return kept?.turn ?? turn;
}

/** The limits that a task stands under. */
export async function readLimits(tx: Tx, taskId: string): Promise<ParallelLimits> {
  const [row] = await tx
    .select({
      perRepository: sql<number | null>`(${step.result}->>'perRepository')::int`,
      perUser: sql<number | null>`(${step.result}->>'perUser')::int`,
    })
    .from(step)
    .where(and(eq(step.taskId, taskId), eq(step.name, turnStep)));
  return row ?? noLimits;
}
