import type { Deps } from "../deps.ts";
import { listUnreported } from "./task-store.ts";

/** How long a finished task may stay silent before it is reported again. */
const reportGraceMs = 60_000;

/** Finds ended tasks whose thread never heard of it, because whoever was to say so died first. */
export async function sweepTasks(deps: Pick<Deps, "system" | "queue" | "clock">): Promise<void> {
  const silent = await listUnreported(deps.system, new Date(deps.clock.now().getTime() - reportGraceMs));
  for (const task of silent) await deps.queue.enqueue(deps.system, "report-task", task, { key: task.taskId });
}
