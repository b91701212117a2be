import type { AgentRun } from "../sessions/run-agent.ts";
import { endOf, type TaskEnd } from "./task-end.ts";
import type { Task } from "./task-store.ts";

/** How a task ends whose agent did not finish its turn. */
export function toUnfinishedEnd(
  run: AgentRun,
  { task, timeoutMs }: { task: Task; timeoutMs: number },
): TaskEnd {
  const { outcome } = run;
  switch (outcome.kind) {
    case "finished":
      throw new Error("a finished turn has no unfinished end");
    case "cancelled":
      return endOf.cancelled("somebody");
    case "timeout":
      return endOf.timeout(timeoutMs);
    case "budget":
      return endOf.budget(task.budgetMicroUsd);
    case "max-turns":
      return endOf.failed({
        kind: "error",
        code: "max-turns",
        message: "Claude used up all the turns that one task may take, and was not done.",
        remedy: "Split the work, or repeat the command with `--max-turns` and a higher number.",
        retryHelps: true,
        fault: "user",
      });
    case "model-error":
      return endOf.failed({
        kind: "error",
        code: outcome.status === null ? "model-unreachable" : `model-${outcome.status}`,
        message: outcome.message,
        remedy:
          outcome.fault === "operator"
            ? "The operator of this bot has to mend its model settings (ANTHROPIC_API_KEY, credit, CLAUDE_MODEL)."
            : "Repeat the command later.",
        retryHelps: outcome.retry,
        fault: outcome.fault,
      });
    case "crashed":
      return endOf.failed({
        kind: "error",
        code: "agent-crashed",
        message: outcome.message,
        remedy:
          "Repeat the command; if it happens again, the operator finds the details in the log of the task.",
        retryHelps: true,
        fault: "platform",
      });
  }
}
