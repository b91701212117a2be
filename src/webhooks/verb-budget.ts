import { threadShowsAmounts } from "../tasks/amounts-store.ts";
import { answerTask } from "../tasks/answer-task.ts";
import { raiseBudget } from "../tasks/raise-budget.ts";
import { optionsAgain } from "../tasks/retry-task.ts";
import { sayQueued } from "../tasks/say-status.ts";
import type { Task } from "../tasks/task-store.ts";
import { toThreadRef, type OrderOf } from "./command-order.ts";
import { replies } from "./replies.ts";
import type { TriggerDeps } from "./trigger.ts";
import { startAgain } from "./verb-retry.ts";

/** `budget +2`: the open task may cost more at once; one that ended at its budget goes on as a further task with what was added. */
export async function addBudget(deps: TriggerDeps, order: OrderOf<"budget">): Promise<void> {
  const { admitted, command, source } = order;
  const { addMicroUsd } = command;
  const { accountId } = admitted.tenant;
  const raised = await raiseBudget(deps, {
    accountId,
    thread: await toThreadRef(deps, order),
    addMicroUsd,
    businessKey: source.businessKey,
    by: order.thread.sender,
  });
  const at = { accountId, repositoryId: order.thread.repository.id };
  const shown = async (microUsd: number) => ((await threadShowsAmounts(deps, at)) ? microUsd : null);
  switch (raised.kind) {
    case "raised-before":
      return;
    case "nothing":
      return admitted.reply(replies.noBudgetToRaise());
    case "too-much":
      return admitted.reply(replies.budgetTooHigh(await shown(raised.budgetMicroUsd)));
    case "raised":
      if (raised.task.question?.kind === "cost") await goOn(deps, order, raised.task);
      return admitted.reply(replies.budgetRaised(await shown(raised.budgetMicroUsd), raised.task.status));
    case "ended-at-budget": {
      const { last } = raised;
      const options = { ...optionsAgain(last.options), budgetMicroUsd: addMicroUsd };
      return startAgain(deps, order, { last, options, instruction: goingOn(last.instruction) });
    }
  }
}

/** A higher budget is a yes to the question whether it may cost more. */
async function goOn(deps: TriggerDeps, order: OrderOf<"budget">, task: Task): Promise<void> {
  const { thread, admitted, source } = order;
  const answered = await answerTask(deps, {
    ...{ accountId: task.accountId, sessionId: task.sessionId, key: source.businessKey },
    ...{ approved: true, text: "", sha: null },
    by: { id: thread.sender.id, login: thread.sender.login },
  });
  if (answered.kind === "woken") await sayQueued(deps, admitted.client, answered);
}

const note = "Your last turn on this ended at its budget, which has been raised. Go on where you stopped.";

/** The conversation goes on, so Claude only has to know why it was cut off. */
function goingOn(instruction: string): string {
  if (instruction.startsWith(note)) return instruction;
  return instruction === "" ? note : `${note}\n\n${instruction}`;
}
