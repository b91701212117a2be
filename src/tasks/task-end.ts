import type { TaskQuestion } from "../../db/schema.ts";
import type { UserError } from "../errors.ts";
import { OperatorError } from "../sessions/session-fault.ts";
import { noWork, type WorkFacts } from "./make-receipt.ts";
import type { Outcome } from "./outcome.ts";

/** How a task ends: its status, what the thread is told, and whose fault it was. */
export type TaskEnd = {
  status: "completed" | "failed" | "cancelled" | "timeout";
  outcome: Outcome;
  fault: "none" | "platform";
  /** For the receipt. */
  work: WorkFacts;
};

/** The task sleeps until a person has answered its question. */
export type TaskPause = { status: "waiting"; question: TaskQuestion; work: WorkFacts };

export const endOf = {
  completed: (outcome: Outcome): TaskEnd => end("completed", outcome),
  cancelled: (by: string): TaskEnd => end("cancelled", { kind: "cancelled", by }),
  timeout: (afterMs: number): TaskEnd => end("timeout", { kind: "timeout", afterMs }),
  budget: (capMicroUsd: number): TaskEnd => end("failed", { kind: "budget", capMicroUsd }),
  failed: (error: Extract<Outcome, { kind: "error" }>): TaskEnd => ({
    ...end("failed", error),
    fault: error.fault === "platform" ? "platform" : "none",
  }),
  refused: (error: UserError): TaskEnd =>
    endOf.failed({
      kind: "error",
      code: error.code,
      message: error.message,
      remedy: error.remedy,
      retryHelps: true,
      // What the operator has to mend is as little the asker's fault as our own mistakes are.
      fault: error instanceof OperatorError ? "platform" : "user",
    }),
  /** What the task runs in failed too often or for too long. */
  setBack: (message: string, taskId: string): TaskEnd =>
    endOf.failed({
      kind: "error",
      code: "setback",
      message,
      remedy: `Write the command again later; the operator finds the reason in the server's log under task ${taskId}.`,
      retryHelps: true,
      fault: "platform",
    }),
  /** Our own failure: the text carries a reference, never a stack. */
  failedTooOften: (taskId: string): TaskEnd =>
    endOf.failed({
      kind: "error",
      code: "internal",
      message: "Something went wrong on our side, three times in a row, so the task was ended.",
      remedy: `The operator finds the details in the server's log under task ${taskId}.`,
      retryHelps: true,
      fault: "platform",
    }),
} as const;

function end(status: TaskEnd["status"], outcome: Outcome): TaskEnd {
  return { status, outcome, fault: "none", work: noWork };
}
