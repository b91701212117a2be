import type { Deps } from "../deps.ts";
import { findUnanswered } from "./answer-store.ts";
import { cancelTasks } from "./cancel-task.ts";
import { listUnreported } from "./unreported-store.ts";

/** How long a finished task may stay silent before it is reported again. */
const reportGraceMs = 60_000;

/** What the thread is told of a question that nobody answered. */
const nobody = "the clock, because nobody answered in time";

/** Ends tasks whose question nobody answered, and finds ended tasks whose thread never heard of it, because whoever was to say so died first, or was refused by a suspension. */
export async function sweepTasks(
  deps: Pick<Deps, "db" | "system" | "queue" | "clock" | "config">,
): Promise<void> {
  const now = deps.clock.now();
  for (const { id: taskId, accountId } of await findUnanswered(deps.system, now))
    await cancelTasks(deps, { accountId, scope: { taskId }, by: nobody });
  const endedBefore = new Date(now.getTime() - reportGraceMs);
  const silent = await listUnreported(deps.system, { endedBefore });
  for (const task of silent) await deps.queue.enqueue(deps.system, "report-task", task, { key: task.taskId });
}
