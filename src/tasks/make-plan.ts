import type { Deps } from "../deps.ts";
import type { Attempt } from "./attempt.ts";
import { changeCode } from "./change-code.ts";
import { workOf } from "./make-receipt.ts";
import { askPerson } from "./ask-person.ts";
import { takeTurn } from "./take-turn.ts";
import { endOf, type TaskEnd, type TaskPause } from "./task-end.ts";
import { readTurnResult } from "./turn-result.ts";
import { toUnfinishedEnd } from "./unfinished-end.ts";

/** `plan`: the agent writes a plan and waits; approved, it is carried out, and any other answer makes a new plan. */
export async function makePlan(deps: Deps, attempt: Attempt): Promise<TaskEnd | TaskPause> {
  const { task } = attempt.claim;
  if (task.answer?.kind === "plan" && task.answer.approved) return changeCode(deps, attempt);
  const { run } = await takeTurn(deps, attempt);
  if (run.outcome.kind !== "finished")
    return { ...toUnfinishedEnd(run, { task, timeoutMs: attempt.timeoutMs }), work: workOf(run) };
  const { text } = readTurnResult(deps, run);
  if (text === null) return { ...endOf.completed({ kind: "no-changes", text }), work: workOf(run) };
  return askPerson(deps, { kind: "plan", text, sha: null, run });
}
