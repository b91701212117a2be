import type { Deps } from "../deps.ts";
import { listUnreported } from "./unreported-store.ts";

/** How long a finished task may stay silent before it is reported again. */
const reportGraceMs = 60_000;

/** Finds ended tasks whose thread never heard of it, because whoever was to say so died first, or was refused by a suspension. */
export async function sweepTasks(deps: Pick<Deps, "system" | "queue" | "clock">): Promise<void> {
  const endedBefore = new Date(deps.clock.now().getTime() - reportGraceMs);
  const silent = await listUnreported(deps.system, { endedBefore });
  for (const task of silent) await deps.queue.enqueue(deps.system, "report-task", task, { key: task.taskId });
}
