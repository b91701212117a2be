import type { Deps } from "../deps.ts";
import { answerInThread } from "./answer-in-thread.ts";
import type { Attempt } from "./attempt.ts";
import { workOf } from "./make-receipt.ts";
import { takeTurn } from "./take-turn.ts";
import { endOf, type TaskEnd } from "./task-end.ts";
import { readTurnResult } from "./turn-result.ts";
import { toUnfinishedEnd } from "./unfinished-end.ts";

/** `ask`: the agent reads and answers, in the status comment and in the thread of the diff that it was asked in; nothing is pushed. */
export async function answerQuestion(deps: Deps, attempt: Attempt): Promise<TaskEnd> {
  const { claim, timeoutMs } = attempt;
  const { run } = await takeTurn(deps, attempt);
  if (run.outcome.kind !== "finished")
    return { ...toUnfinishedEnd(run, { task: claim.task, timeoutMs }), work: workOf(run) };
  const { text } = readTurnResult(deps, run);
  await answerInThread(deps, attempt, text);
  return { ...endOf.completed({ kind: "answered", text }), work: workOf(run) };
}
