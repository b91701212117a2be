import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { showsAmounts } from "./amounts-store.ts";
import { sayAtBudget } from "./cap-words.ts";
import { questionOf } from "./question-of.ts";
import type { TaskEnd, TaskPause } from "./task-end.ts";
import { findTask, type Task } from "./task-store.ts";

/** What an approval adds to a task that stopped at its budget: as much as it began with. */
export const moreMicroUsd = ({ options }: Pick<Task, "options">, usualMicroUsd: number): number =>
  options.budgetMicroUsd ?? usualMicroUsd;

/** A task that reached its budget does not end: what it did is kept, and it sleeps until a person says how it goes on. */
export async function askAtBudget(
  deps: Pick<Deps, "db" | "clock" | "config">,
  { task, end }: { task: Task; end: TaskEnd | TaskPause },
): Promise<TaskEnd | TaskPause> {
  if (end.status === "waiting" || end.outcome.kind !== "budget") return end;
  const { budgetMicroUsd, amounts } = await withAccount(deps.db, task.accountId, async (tx) => ({
    // It may have been raised while the task ran, and still too late for it.
    budgetMicroUsd: (await findTask(tx, task.id))?.budgetMicroUsd ?? task.budgetMicroUsd,
    amounts: await showsAmounts(tx, task.repositoryId),
  }));
  const more = moreMicroUsd(task, deps.config.limits.budgetMicroUsd);
  const text = sayAtBudget({ budgetMicroUsd, moreMicroUsd: more }, { amounts });
  const question = questionOf({ kind: "cost", text, sha: null, now: deps.clock.now() });
  return { status: "waiting", question, work: end.work };
}
