import { withAccount, type Tx } from "../../db/client.ts";
import type { TaskAnswer } from "../../db/schema.ts";
import type { Deps } from "../deps.ts";
import { moreMicroUsd } from "./ask-at-budget.ts";
import { lockWaitingTask, noteAnswer, wakeTask, wasAnsweredBy } from "./answer-store.ts";
import { raiseTaskBudget } from "./budget-store.ts";
import { enqueueTask } from "./enqueue-task.ts";
import type { Place } from "./place-store.ts";
import { maxBudgetMicroUsd } from "./raise-budget.ts";
import type { Task } from "./task-store.ts";

export type AnswerInput = {
  accountId: string;
  sessionId: string;
  by: { id: number; login: string };
  approved: boolean;
  /** Their own words; "" for a bare approval. */
  text: string;
  /** What `/claude approve <sha>` named; null: nothing. */
  sha: string | null;
  /** Names the comment that answers, so that the same one again changes nothing. */
  key?: string;
  /** What an approval adds to a task that stopped at the server's own budget; absent: the budget has been raised already. */
  usualBudgetMicroUsd?: number;
};

export type Answered =
  | { kind: "woken"; task: Task; place: Place }
  | { kind: "nothing-asked" }
  /** By this very comment. */
  | { kind: "answered-before" }
  /** Another commit than the one that the question is about was approved. */
  | { kind: "other-sha"; expected: string };

/** Answers the one open question of a session: its task goes back into the line with a job of its own. */
export async function answerTask(
  deps: Pick<Deps, "db" | "queue" | "clock">,
  input: AnswerInput,
): Promise<Answered> {
  const { accountId, sessionId, by, approved, text, sha, key } = input;
  return withAccount(deps.db, accountId, async (tx) => {
    if (key !== undefined && (await wasAnsweredBy(tx, { sessionId, key })))
      return { kind: "answered-before" };
    const waiting = await lockWaitingTask(tx, sessionId);
    if (waiting === null || waiting.question === null) return { kind: "nothing-asked" };
    const { question } = waiting;
    // Words are no yes to what costs money.
    if (question.kind === "cost" && !approved) return { kind: "nothing-asked" };
    if (sha !== null && question.sha !== null && !question.sha.startsWith(sha))
      return { kind: "other-sha", expected: question.sha };
    const answer: TaskAnswer = {
      kind: question.kind,
      approved,
      text,
      by,
      at: deps.clock.now().toISOString(),
    };
    if (question.kind === "cost") await giveMore(tx, waiting, input);
    const task = await wakeTask(tx, { taskId: waiting.id, answer });
    if (key !== undefined) await noteAnswer(tx, { taskId: waiting.id, accountId, key });
    const place = await enqueueTask(deps, tx, { taskId: waiting.id, accountId, sessionId });
    return { kind: "woken", task, place };
  });
}

/** A task that was asked about before its start has its budget still; one that stopped at it gets as much again. */
async function giveMore(
  tx: Tx,
  waiting: Task,
  { usualBudgetMicroUsd, by, key = waiting.question?.askedAt ?? "" }: AnswerInput,
): Promise<void> {
  if (usualBudgetMicroUsd === undefined || waiting.prompt === null) return;
  const { id: taskId, accountId, budgetMicroUsd } = waiting;
  const addMicroUsd = Math.min(
    moreMicroUsd(waiting, usualBudgetMicroUsd),
    maxBudgetMicroUsd - budgetMicroUsd,
  );
  if (addMicroUsd > 0) await raiseTaskBudget(tx, { taskId, accountId, addMicroUsd, key, by });
}
