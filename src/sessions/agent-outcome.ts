import type { ResultEvent } from "./agent-events.ts";
import { clip } from "./agent-summaries.ts";

export type AgentOutcome =
  | { kind: "finished"; text: string; turns: number }
  | { kind: "max-turns" }
  | { kind: "budget" }
  | {
      kind: "model-error";
      /** What the model's API answered; null: the connection broke or nothing came in time. */
      status: number | null;
      /** Whether the same turn may succeed later. */
      retry: boolean;
      message: string;
      /** operator: key, credit or model name · model: the API's own trouble · platform: a request of ours that it refused. */
      fault: "operator" | "platform" | "model";
    }
  | { kind: "timeout" }
  | { kind: "cancelled" }
  /** `turns` 0: Claude never got to work, as when the conversation to resume is gone. */
  | { kind: "crashed"; message: string; turns: number };

export type AgentEnd = {
  result: ResultEvent | null;
  exitCode: number | null;
  signal: string | null;
  /** Our deadline passed and we ended it. */
  timedOut: boolean;
  /** A person asked us to stop it. */
  aborted: boolean;
  /** The gateway refused a call because the budget was spent. */
  budgetSpent?: boolean;
  stderrTail: string;
};

/**
 * How a turn ended. Source: the runs in research 4.5 with Claude Code 2.1.330; `subtype` says "success" for
 * every failure of the API, so the flags, the reason, the status and the exit code decide, never a text.
 */
export function toAgentOutcome(end: AgentEnd): AgentOutcome {
  const { result } = end;
  if (end.aborted) return { kind: "cancelled" };
  if (result !== null && !result.isError && end.exitCode === 0) {
    return { kind: "finished", text: result.text, turns: result.turns };
  }
  if (end.timedOut) return { kind: "timeout" };
  if (end.budgetSpent === true) return { kind: "budget" };
  if (result === null) return { kind: "crashed", message: withoutResult(end), turns: 0 };
  if (result.terminalReason === "max_turns" || result.subtype === "error_max_turns")
    return { kind: "max-turns" };
  if (result.terminalReason === "budget_exhausted" || result.subtype === "error_max_budget_usd")
    return { kind: "budget" };
  if (result.terminalReason === "api_error") return toModelError(result.apiErrorStatus);
  return { kind: "crashed", message: withResult(result, end), turns: result.turns };
}

function toModelError(status: number | null): AgentOutcome {
  const error = (
    retry: boolean,
    fault: "operator" | "platform" | "model",
    message: string,
  ): AgentOutcome => ({
    kind: "model-error",
    status,
    retry,
    message,
    fault,
  });
  if (status === null)
    return error(true, "model", "The connection to the model broke or nothing came in time.");
  if (status >= 500)
    return error(true, "model", `The model's API is overloaded or out of order (${status}).`);
  switch (status) {
    case 401:
      return error(false, "operator", "The model's API refused the key of this server (401).");
    case 400:
    case 402:
      return error(
        false,
        "operator",
        `The model's API refused the request (${status}), mostly because the credit is used up.`,
      );
    case 403:
      return error(false, "operator", "The key of this server may not use this model (403).");
    case 404:
      return error(false, "operator", "The model's API does not know this model (404).");
    case 408:
    case 409:
    case 429:
      return error(true, "model", `The model's API is rate-limiting this server (${status}).`);
    default:
      return error(false, "platform", `The model's API refused a request (${status}).`);
  }
}

function withoutResult(end: AgentEnd): string {
  const last =
    end.stderrTail
      .trim()
      .split(/[\r\n]+/)
      .at(-1) ?? "";
  return `Claude Code ended ${ending(end)} without a result${last === "" ? "" : `: ${clip(last, 300)}`}.`;
}

function withResult(result: ResultEvent, end: AgentEnd): string {
  const [first] = result.errors;
  return `Claude Code ended ${ending(end)} (${result.terminalReason ?? result.subtype})${first === undefined ? "" : `: ${first}`}.`;
}

function ending(end: AgentEnd): string {
  if (end.signal !== null) return `by ${end.signal}`;
  return end.exitCode === null ? "without an exit code" : `with exit code ${end.exitCode}`;
}
