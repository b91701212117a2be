import type { Receipt } from "../github/receipt.ts";
import type { ServerCheck } from "../github/server-check.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import type { TaskUsage } from "../usage/usage-store.ts";
import type { Bill } from "./close-leg.ts";

/** What the server saw a task do; nothing in it is the model's word but the outcome of its own commands. */
export type WorkFacts = Pick<
  Receipt,
  "remoteSha" | "branch" | "pullNumber" | "files" | "commands" | "droppedCommands" | "checks"
>;

export const noWork: WorkFacts = {
  remoteSha: null,
  branch: null,
  pullNumber: null,
  files: [],
  commands: [],
  droppedCommands: 0,
  checks: [],
};

/** What an agent's turn did, before anything of it was published, and what the server ran after it. */
export const workOf = (run: Pick<AgentRun, "commands">, checks: readonly ServerCheck[] = []): WorkFacts => ({
  ...noWork,
  commands: [...run.commands],
  checks: [...checks],
});

/** The receipt of an ended task. */
export function makeReceipt(input: {
  work: WorkFacts;
  usage: TaskUsage;
  durationMs: number;
  payer: string;
  bill: Pick<Bill, "charged" | "priceMicroUsd" | "reason">;
}): Receipt {
  const { work, usage, bill } = input;
  const sum = (of: (file: Receipt["files"][number]) => number) =>
    work.files.reduce((total, file) => total + of(file), 0);
  const tokens = (of: (model: TaskUsage["models"][number]) => number) =>
    usage.models.reduce((total, model) => total + of(model), 0);
  return {
    // A task that waited over an update of the server has kept facts of an older shape.
    ...noWork,
    ...work,
    totals: {
      files: work.files.length,
      additions: sum(({ additions }) => additions),
      deletions: sum(({ deletions }) => deletions),
    },
    durationMs: input.durationMs,
    models: usage.models.map(({ model }) => model),
    tokens: {
      input: tokens(({ inputTokens }) => inputTokens),
      output: tokens(({ outputTokens }) => outputTokens),
      cacheRead: tokens(({ cacheReadTokens }) => cacheReadTokens),
      cacheWrite: tokens(
        ({ cacheWrite5mTokens, cacheWrite1hTokens }) => cacheWrite5mTokens + cacheWrite1hTokens,
      ),
    },
    costMicroUsd: usage.costMicroUsd,
    machine: { durationMs: usage.machine.durationMs, costMicroUsd: usage.machine.costMicroUsd },
    priceMicroUsd: bill.charged ? bill.priceMicroUsd : null,
    payer: input.payer,
    charged: bill.charged,
    reason: bill.reason,
  };
}
