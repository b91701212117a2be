import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { raiseTaskBudget } from "./budget-store.ts";
import type { Task } from "./task-store.ts";
import { listTasksOfThread, wasMadeIntoTask, type ThreadRef } from "./thread-task-store.ts";

/** What `--budget` takes at most, too. */
export const maxBudgetMicroUsd = 1_000_000_000;

export type Raised =
  /** An open task may cost more from now on. */
  | { kind: "raised"; task: Task; budgetMicroUsd: number }
  /** The last task ended at its budget; a further one is to go on with what was added. */
  | { kind: "ended-at-budget"; last: Task }
  | { kind: "too-much"; budgetMicroUsd: number }
  | { kind: "nothing" }
  /** This very request has been made into a task before. */
  | { kind: "raised-before" };

/** Raises the budget of the thread's open task: of the one that runs, else one that waits for a person, else the next in line. */
export async function raiseBudget(
  deps: Pick<Deps, "db">,
  input: {
    accountId: string;
    thread: ThreadRef;
    addMicroUsd: number;
    businessKey: string;
    by: { id: number; login: string };
  },
): Promise<Raised> {
  const { accountId, addMicroUsd, businessKey } = input;
  return withAccount(deps.db, accountId, async (tx) => {
    if (await wasMadeIntoTask(tx, businessKey)) return { kind: "raised-before" };
    const tasks = await listTasksOfThread(tx, input.thread);
    const task = pick(tasks);
    if (task === null) {
      const [last] = tasks;
      return last?.outcome?.kind === "budget" ? { kind: "ended-at-budget", last } : { kind: "nothing" };
    }
    if (task.budgetMicroUsd + addMicroUsd > maxBudgetMicroUsd)
      return { kind: "too-much", budgetMicroUsd: task.budgetMicroUsd };
    const raise = { taskId: task.id, accountId, addMicroUsd, key: businessKey, by: input.by };
    const budgetMicroUsd = await raiseTaskBudget(tx, raise);
    return budgetMicroUsd === null ? { kind: "nothing" } : { kind: "raised", task, budgetMicroUsd };
  });
}

function pick(tasks: readonly Task[]): Task | null {
  const open = tasks.filter(({ finishedAt }) => finishedAt === null);
  const runs = open.find(({ status }) => status === "provisioning" || status === "running");
  return runs ?? open.find(({ status }) => status === "waiting") ?? open.at(-1) ?? null;
}
