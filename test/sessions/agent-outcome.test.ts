import { expect, test } from "vitest";
import type { ResultEvent } from "../../src/sessions/agent-events.ts";
import { toAgentOutcome, type AgentEnd } from "../../src/sessions/agent-outcome.ts";

const success: ResultEvent = {
  kind: "result",
  subtype: "success",
  isError: false,
  terminalReason: "completed",
  apiErrorStatus: null,
  turns: 3,
  text: "Done.",
  errors: [],
  tokens: [],
};
const apiError = (apiErrorStatus: number | null): ResultEvent => ({
  ...success,
  isError: true,
  terminalReason: "api_error",
  apiErrorStatus,
  text: "API Error",
});
const end = (fields: Partial<AgentEnd>): AgentEnd => ({
  result: null,
  exitCode: 1,
  signal: null,
  timedOut: false,
  aborted: false,
  stderrTail: "",
  ...fields,
});

const rows: [name: string, end: AgentEnd, outcome: object][] = [
  ["success", end({ result: success, exitCode: 0 }), { kind: "finished", text: "Done.", turns: 3 }],
  [
    "success in the moment of the deadline",
    end({ result: success, exitCode: 0, timedOut: true }),
    { kind: "finished" },
  ],
  [
    "success after the budget ran out",
    end({ result: success, exitCode: 0, budgetSpent: true }),
    { kind: "finished" },
  ],
  ["stopped, whatever came", end({ result: success, exitCode: 0, aborted: true }), { kind: "cancelled" }],
  ["stopped by SIGTERM", end({ exitCode: 143, aborted: true }), { kind: "cancelled" }],
  [
    "deadline, SIGINT in a tool",
    end({
      result: {
        ...success,
        isError: true,
        subtype: "error_during_execution",
        terminalReason: "aborted_tools",
      },
      exitCode: 0,
      timedOut: true,
    }),
    { kind: "timeout" },
  ],
  ["deadline, SIGKILL", end({ exitCode: null, signal: "SIGKILL", timedOut: true }), { kind: "timeout" }],
  [
    "turns",
    end({ result: { ...success, isError: true, subtype: "error_max_turns", terminalReason: "max_turns" } }),
    { kind: "max-turns" },
  ],
  [
    "Claude Code's own budget",
    end({
      result: {
        ...success,
        isError: true,
        subtype: "error_max_budget_usd",
        terminalReason: "budget_exhausted",
      },
    }),
    { kind: "budget" },
  ],
  ["the gateway's budget", end({ result: apiError(403), budgetSpent: true }), { kind: "budget" }],
  [
    "401",
    end({ result: apiError(401) }),
    { kind: "model-error", status: 401, retry: false, fault: "operator" },
  ],
  [
    "403",
    end({ result: apiError(403) }),
    { kind: "model-error", status: 403, retry: false, fault: "operator" },
  ],
  [
    "400, credit",
    end({ result: apiError(400) }),
    { kind: "model-error", status: 400, retry: false, fault: "operator" },
  ],
  [
    "404, model",
    end({ result: apiError(404) }),
    { kind: "model-error", status: 404, retry: false, fault: "operator" },
  ],
  [
    "413",
    end({ result: apiError(413) }),
    { kind: "model-error", status: 413, retry: false, fault: "platform" },
  ],
  ["429", end({ result: apiError(429) }), { kind: "model-error", status: 429, retry: true, fault: "model" }],
  ["500", end({ result: apiError(500) }), { kind: "model-error", status: 500, retry: true, fault: "model" }],
  ["529", end({ result: apiError(529) }), { kind: "model-error", status: 529, retry: true, fault: "model" }],
  [
    "cut or hanging stream",
    end({ result: apiError(null) }),
    { kind: "model-error", status: null, retry: true, fault: "model" },
  ],
  [
    "no JSON at all",
    end({ stderrTail: "\nerror: unknown option '--x'\n" }),
    {
      kind: "crashed",
      message: "Claude Code ended with exit code 1 without a result: error: unknown option '--x'.",
      turns: 0,
    },
  ],
  [
    "killed by somebody else",
    end({ exitCode: null, signal: "SIGKILL" }),
    { kind: "crashed", message: "Claude Code ended by SIGKILL without a result." },
  ],
  [
    "nothing to resume",
    end({
      result: {
        ...success,
        isError: true,
        subtype: "error_during_execution",
        terminalReason: null,
        turns: 0,
        errors: ["No conversation found"],
      },
    }),
    {
      kind: "crashed",
      turns: 0,
      message: "Claude Code ended with exit code 1 (error_during_execution): No conversation found.",
    },
  ],
  ["success, but a bad exit", end({ result: success, exitCode: 1 }), { kind: "crashed" }],
  [
    "an error that says success",
    end({ result: { ...success, isError: true }, exitCode: 0 }),
    { kind: "crashed" },
  ],
];

test.each(rows)("%s", (_name, given, outcome) => {
  expect(toAgentOutcome(given)).toEqual(expect.objectContaining(outcome));
});
