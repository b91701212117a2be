import type { Command } from "./command-verbs.ts";
import type { Order } from "./command-order.ts";
import { startFixCi } from "./checks-fix-ci.ts";
import { replies } from "./replies.ts";
import { startTask } from "./start-task.ts";
import type { TriggerDeps } from "./trigger.ts";
import { approve } from "./verb-approve.ts";
import { switchAutofix } from "./verb-autofix.ts";
import { addBudget } from "./verb-budget.ts";
import { tellConfig } from "./verb-config.ts";
import { startOnPull } from "./verb-on-pull.ts";
import { retryTask } from "./verb-retry.ts";
import { listTasks, runSavedTask, saveLastTask } from "./verb-saved.ts";
import { tellStatus } from "./verb-status.ts";
import { stopTasks } from "./verb-stop.ts";
import { tellWhy } from "./verb-why.ts";

/**
 * Does what a command says: starts a task, or answers at once. It runs in the job of its delivery and never in the line of
 * the session's tasks, so that whatever runs or waits there is answered beside it.
 */
export async function obeyCommand(deps: TriggerDeps, order: Order): Promise<void> {
  const { command } = order;
  switch (command.verb) {
    case "implement":
    case "ask":
    case "plan":
      return startPlain(deps, order, command);
    case "review":
    case "rebase":
      return startOnPull(deps, order, { verb: command.verb });
    case "fix-ci":
      return startFixCi(deps, order);
    case "undo":
      return startOnPull(deps, order, { verb: "undo", options: { undoTurns: command.turns } });
    case "approve":
      return approve(deps, { ...order, command });
    case "stop":
      return stopTasks(deps, order);
    case "retry":
      return retryTask(deps, order);
    case "status":
      return tellStatus(deps, order);
    case "budget":
      return addBudget(deps, { ...order, command });
    case "autofix":
      return switchAutofix(deps, { ...order, command });
    case "config":
      return tellConfig(deps, order);
    case "why":
      return tellWhy(deps, order);
    case "save":
      return saveLastTask(deps, { ...order, command });
    case "run":
      return runSavedTask(deps, { ...order, command });
    case "tasks":
      return listTasks(deps, order);
    case "help":
      return order.admitted.reply(replies.help());
  }
}

async function startPlain(deps: TriggerDeps, order: Order, command: Command): Promise<void> {
  const { thread, admitted, source, issue } = order;
  const { verb, instruction, options } = command;
  await startTask(deps, thread, admitted, { ...source, verb, instruction, options, issue });
}
