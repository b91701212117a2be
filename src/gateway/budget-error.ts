import type { ApiError } from "./api-error.ts";
import type { Reservation } from "./model-call-store.ts";

type OverBudget = Extract<Reservation, { reason: "budget" }>;

/**
 * What the agent is told when a call does not fit the task's budget. Claude Code ends its run at a 402 at once and
 * shows the text (tried with 2.1.330). Where calls still under way were in the way for too long, it is asked to come again.
 */
export function toBudgetError(over: OverBudget, neededMicroUsd: number): ApiError {
  const spent = over.spentMicroUsd + neededMicroUsd > over.budgetMicroUsd;
  if (!spent) {
    return {
      status: 429,
      type: "rate_limit_error",
      message: `Other model calls of this task have reserved ${usd(over.pendingMicroUsd)} of its budget of ${usd(over.budgetMicroUsd)}; this one fits once they are done.`,
      retryAfterSeconds: 2,
    };
  }
  return {
    status: 402,
    type: "billing_error",
    message:
      `The task's budget is used up: ${usd(over.spentMicroUsd)} of ${usd(over.budgetMicroUsd)} is spent, and the next model call may cost up to ${usd(neededMicroUsd)}. ` +
      "Ask again with a larger budget (/claude --budget <usd> …), or let the operator raise TASK_BUDGET_USD.",
  };
}

/** Rounded up to the cent. */
function usd(microUsd: number): string {
  return `$${(Math.ceil(microUsd / 10_000) / 100).toFixed(2)}`;
}
