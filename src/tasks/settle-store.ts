import { and, eq, like, max, or } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { step } from "../../db/schema.ts";
import { listUnrecorded, recordUsage } from "../usage/usage-store.ts";
import type { Task } from "./task-store.ts";

type Attempt = Pick<Task, "id" | "accountId" | "sessionId" | "fence">;

/** See `turnStepName`. */
const agentSteps = "agent:%";

/**
 * Writes the attempt that went before into the ledger. Work that is kept is paid for, and work that is lost is not; what an agent has
 * done and nobody has kept yet waits for `settleEarlier`: the next attempt may still find it where it stands.
 */
export async function settleOvertaken(tx: Tx, task: Attempt): Promise<void> {
  const { id: taskId, accountId, sessionId, fence: attempt } = task;
  const kept = await hasDone(tx, task, ["turn", "turn:%"]);
  if (!kept && (await hasDone(tx, task, [agentSteps]))) return;
  await recordUsage(tx, {
    ...{ taskId, accountId, sessionId, attempt, over: true },
    fault: kept ? "none" : "platform",
  });
}

/**
 * Writes what `settleOvertaken` left, at the end of a leg or when its machine is lost: the last agent that came to its end did the
 * work that was kept; every earlier one did it in vain.
 */
export async function settleEarlier(
  tx: Tx,
  { task, fault }: { task: Attempt; fault: "none" | "platform" },
): Promise<void> {
  // The usual case: there is none.
  if (task.fence <= 1) return;
  const { id: taskId, accountId, sessionId } = task;
  const left = await listUnrecorded(tx, { taskId, accountId, before: task.fence });
  if (left.length === 0) return;
  const [last] = await tx
    .select({ attempt: max(step.fence) })
    .from(step)
    .where(and(eq(step.taskId, taskId), eq(step.status, "done"), like(step.name, agentSteps)));
  for (const attempt of left) {
    const worked = attempt === last?.attempt;
    await recordUsage(tx, {
      ...{ taskId, accountId, sessionId, attempt, over: true },
      fault: worked ? fault : "platform",
    });
  }
}

async function hasDone(tx: Tx, { id, fence }: Attempt, names: readonly string[]): Promise<boolean> {
  const done = and(
    ...[eq(step.taskId, id), eq(step.fence, fence), eq(step.status, "done")],
    or(...names.map((name) => like(step.name, name))),
  );
  return (await tx.$count(step, done)) > 0;
}
