import { withAccount, type Db } from "../../db/client.ts";
import type { TaskOptions } from "../../db/schema.ts";
import type { Task } from "./task-store.ts";
import { listTasksOfThread, wasMadeIntoTask, type ThreadRef } from "./thread-task-store.ts";

export type Repeatable =
  /** The same again, with the options that were given over its own. */
  | { kind: "again"; last: Task; options: TaskOptions }
  | { kind: "nothing" }
  | { kind: "open"; task: Task }
  /** This very request has been made into a task before. */
  | { kind: "repeated-before" };

/** The last task of a thread as a task to be made again. */
export async function findRepeatable(
  deps: { db: Db },
  input: { accountId: string; thread: ThreadRef; businessKey: string; options: TaskOptions },
): Promise<Repeatable> {
  return withAccount(deps.db, input.accountId, async (tx) => {
    if (await wasMadeIntoTask(tx, input.businessKey)) return { kind: "repeated-before" };
    const tasks = await listTasksOfThread(tx, input.thread);
    const [last] = tasks;
    if (last === undefined) return { kind: "nothing" };
    const open = tasks.find(({ finishedAt }) => finishedAt === null);
    if (open !== undefined) return { kind: "open", task: open };
    return { kind: "again", last, options: { ...optionsAgain(last.options), ...input.options } };
  });
}

/** A new conversation was asked for once. */
export function optionsAgain(options: TaskOptions): TaskOptions {
  const again = { ...options };
  delete again.newSession;
  return again;
}
