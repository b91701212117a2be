import { formatUsd } from "../github/amounts.ts";
import type { CapAlert } from "../usage/cap-store.ts";
import type { CapUse, CapVerdict } from "../usage/caps.ts";

/** Why a task that has room below no cap does not begin, as one sentence of inline Markdown. `amounts`: it may name them. */
export function sayCapReached(
  { use, reason, needMicroUsd }: Extract<CapVerdict, { ok: false }>,
  { amounts }: { amounts: boolean },
): string {
  const room = Math.max(0, use.capMicroUsd - use.spentMicroUsd - (reason === "held" ? use.heldMicroUsd : 0));
  const why = amounts
    ? `${formatUsd(room)} is left of the ${formatUsd(use.capMicroUsd)} of ${nameOf(use)}, and this task may cost up to ${formatUsd(needMicroUsd)}`
    : `what is left of ${nameOf(use)} is less than this task may cost`;
  if (reason === "held")
    return `It waits for tasks that run: with what they may cost, ${why}. It begins as soon as there is room.`;
  return `Nothing is started and nothing is charged meanwhile: ${why}. It begins by itself once ${remedyOf(use)}; \`/claude stop\` ends it, and \`/claude --budget <usd> …\` asks for a cheaper one.`;
}

/** That a share of a cap is used, as one sentence of inline Markdown. */
export function sayCapAlert({ use, percent }: CapAlert, { amounts }: { amounts: boolean }): string {
  const figures = amounts ? ` (${formatUsd(use.spentMicroUsd)} of ${formatUsd(use.capMicroUsd)})` : "";
  const said = percent >= 100 ? "is used up" : `is used to ${percent} %`;
  const name = nameOf(use);
  return `${name.charAt(0).toUpperCase()}${name.slice(1)} ${said}${figures}.`;
}

/** That a task stands at its budget, and how it goes on, as one paragraph of Markdown. */
export function sayAtBudget(
  { budgetMicroUsd, moreMicroUsd }: { budgetMicroUsd: number; moreMicroUsd: number },
  { amounts }: { amounts: boolean },
): string {
  const budget = amounts ? ` of ${formatUsd(budgetMicroUsd)}` : "";
  const more = amounts ? formatUsd(moreMicroUsd) : "as much as it began with";
  return `The next model call could pass this task's budget${budget}, so Claude was stopped before it. Its work and the conversation are kept, and nothing is charged while it waits. \`/claude budget +2\` adds two dollars and lets it go on; \`/claude approve\` adds ${more}.`;
}

function nameOf({ scope, period }: CapUse): string {
  switch (scope) {
    case "account":
      return `this account's budget for ${period}`;
    case "repository":
      return `this repository's budget for ${period}`;
    case "user":
      return `the requester's budget in this repository for ${period}`;
    case "session":
      return "this conversation's budget";
  }
}

function remedyOf({ scope }: CapUse): string {
  switch (scope) {
    case "account":
      return "the budget is raised by an owner or the server's operator, or the next month begins";
    case "repository":
      return "`limits.monthly_budget_usd` is raised in the repository's settings, or the next month begins";
    case "user":
      return "`limits.monthly_budget_usd_per_user` is raised in the repository's settings, or the next month begins";
    case "session":
      return "`limits.session_budget_usd` is raised in the repository's settings";
  }
}
