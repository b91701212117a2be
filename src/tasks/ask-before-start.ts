import type { Tx } from "../../db/client.ts";
import type { TaskQuestion } from "../../db/schema.ts";
import { formatUsd } from "../github/amounts.ts";
import { estimateCost } from "./estimate-cost-store.ts";
import { questionOf } from "./question-of.ts";

/**
 * The question that a task has to be approved with before it begins, because tasks of its repository often cost more than
 * `aboveMicroUsd`; null: it may begin. What it may cost at most is below that figure: nobody is asked.
 */
export async function askBeforeStart(
  tx: Tx,
  input: {
    task: { accountId: string; repositoryId: number; budgetMicroUsd: number };
    aboveMicroUsd: number | null;
    amounts: boolean;
    now: Date;
  },
): Promise<TaskQuestion | null> {
  const { task, aboveMicroUsd, amounts, now } = input;
  if (aboveMicroUsd === null || task.budgetMicroUsd <= aboveMicroUsd) return null;
  const estimate = await estimateCost(tx, task);
  if (estimate === null || estimate.longMicroUsd <= aboveMicroUsd) return null;
  const { typicalMicroUsd, longMicroUsd } = estimate;
  const figures = amounts
    ? ` Half of this repository's last tasks cost up to ${formatUsd(typicalMicroUsd)}, nine in ten up to ${formatUsd(longMicroUsd)}; its settings ask for a yes above ${formatUsd(aboveMicroUsd)}.`
    : " Its settings ask for a yes before a task that may cost this much.";
  return questionOf({
    kind: "cost",
    text: `Nothing has been started and nothing is charged meanwhile.${figures}`,
    sha: null,
    now,
  });
}
