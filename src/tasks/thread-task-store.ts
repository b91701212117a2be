import { and, desc, eq, or } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { task } from "../../db/schema.ts";
import { toTask, type Task } from "./task-store.ts";

/** One issue or pull request, and the open session that it belongs to. */
export type ThreadRef = { repositoryId: number; issueNumber: number; sessionId: string | null };

const maxTasks = 50;

/** The tasks of a thread and of its session, which may have been asked for on the other of issue and pull request; newest first, fifty at most. */
export async function listTasksOfThread(tx: Tx, thread: ThreadRef): Promise<Task[]> {
  const { repositoryId, issueNumber, sessionId } = thread;
  const here = and(eq(task.repositoryId, repositoryId), eq(task.issueNumber, issueNumber));
  const rows = await tx
    .select()
    .from(task)
    .where(sessionId === null ? here : or(eq(task.sessionId, sessionId), here))
    .orderBy(desc(task.id))
    .limit(maxTasks);
  return rows.map(toTask);
}

/** Whether this very request has been made into a task. */
export async function wasMadeIntoTask(tx: Tx, businessKey: string): Promise<boolean> {
  return (await tx.$count(task, eq(task.businessKey, businessKey))) > 0;
}
