import type { z } from "zod";
import { apiRetry, block, init, line, message, result } from "./agent-line.ts";
import { clip, summariseCall, summariseResult } from "./agent-summaries.ts";
import { readTodoChange, readTodoAnswer, type TodoChange } from "./agent-todo-change.ts";

export type ModelTokens = {
  model: string;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
};

export type ResultEvent = {
  kind: "result";
  subtype: string;
  isError: boolean;
  terminalReason: string | null;
  apiErrorStatus: number | null;
  turns: number;
  /** Claude's last words; empty after an error. */
  text: string;
  errors: readonly string[];
  /** Of this turn alone, not of the conversation. */
  tokens: readonly ModelTokens[];
};

/** What one line of Claude Code's stream says, cut down to what is stored and shown. */
export type AgentEvent =
  | { kind: "init"; sessionId: string; model: string; tools: readonly string[] }
  | { kind: "text"; text: string; subagent: boolean }
  | { kind: "tool-call"; id: string; name: string; summary: string; subagent: boolean }
  /** `todos`: what TaskCreate made or TaskList listed, with its ids. */
  | { kind: "tool-result"; id: string; ok: boolean; summary: string; todos?: TodoChange }
  /** A wish to change the todo list; it holds once the call `callId` has succeeded. */
  | { kind: "todos"; callId: string; change: TodoChange }
  | { kind: "api-retry"; error: string; status: number | null; attempt: number; delayMs: number }
  | ResultEvent
  /** Not JSON, or JSON of another shape: stderr mixed in, a debug print. */
  | { kind: "noise"; line: string }
  | { kind: "unknown"; type: string };

/**
 * Reads one line of `claude -p --output-format stream-json --verbose` (2.1.330). Never throws: what it does
 * not know becomes `noise` or `unknown`, what carries nothing (thinking, our own prompt) no event at all.
 */
export function readAgentLine(text: string): AgentEvent[] {
  const json = parseJson(text);
  const head = line.safeParse(json);
  if (!head.success) return [{ kind: "noise", line: clip(text, 500) }];
  const { type, subtype } = head.data;
  if (type === "system" && subtype === "init") return readAs(init, json, toInit) ?? [unknown("system/init")];
  if (type === "system" && subtype === "api_retry")
    return readAs(apiRetry, json, toRetry) ?? [unknown("system/api_retry")];
  // Those of our own hooks, two after every batch of tool calls; handed-lines.ts reads them.
  if (type === "system" && subtype?.startsWith("hook_") === true) return [];
  if (type === "assistant" || type === "user")
    return readAs(message, json, (value) => toBlocks(value, type)) ?? [unknown(type)];
  if (type === "result") return readAs(result, json, toResult) ?? [unknown(type)];
  return [unknown(subtype === undefined ? type : `${type}/${subtype}`)];
}

function parseJson(text: string): unknown {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Noise is an answer, not an error: the caller turns it into an event.
  }
}

function readAs<T>(schema: z.ZodType<T>, json: unknown, to: (value: T) => AgentEvent[]): AgentEvent[] | null {
  const parsed = schema.safeParse(json);
  return parsed.success ? to(parsed.data) : null;
}

function unknown(type: string): AgentEvent {
  return { kind: "unknown", type: clip(type, 100) };
}

function toInit(value: z.infer<typeof init>): AgentEvent[] {
  const tools = value.tools.slice(0, 200).map((name) => clip(name, 100));
  return [{ kind: "init", sessionId: value.session_id, model: clip(value.model, 100), tools }];
}

function toRetry(value: z.infer<typeof apiRetry>): AgentEvent[] {
  const { error, error_status: status, attempt, retry_delay_ms: delayMs } = value;
  return [{ kind: "api-retry", error: clip(error, 100), status, attempt, delayMs }];
}

function toBlocks(value: z.infer<typeof message>, type: "assistant" | "user"): AgentEvent[] {
  const { content } = value.message;
  // An error of the API comes again, with its status, in the result.
  if (typeof content === "string" || value.is_api_error_message === true) return [];
  const subagent = typeof value.parent_tool_use_id === "string";
  return content.flatMap((item): AgentEvent[] => {
    const parsed = block.safeParse(item);
    if (!parsed.success) return [];
    switch (parsed.data.type) {
      case "text":
        return type === "user" || parsed.data.text.trim() === ""
          ? []
          : [{ kind: "text", text: clip(parsed.data.text, 2_000), subagent }];
      case "tool_use":
        return toCall({ ...parsed.data, subagent });
      case "tool_result": {
        const { tool_use_id: id, is_error: failed, content: output } = parsed.data;
        const todos = readTodoAnswer(value.tool_use_result);
        return [
          {
            kind: "tool-result",
            id: clip(id, 200),
            ok: failed !== true,
            summary: summariseResult(output),
            ...(todos === null ? {} : { todos }),
          },
        ];
      }
    }
  });
}

function toCall(call: { id: string; name: string; input?: unknown; subagent: boolean }): AgentEvent[] {
  const id = clip(call.id, 200);
  const name = clip(call.name, 100);
  const event: AgentEvent = {
    kind: "tool-call",
    id,
    name,
    summary: summariseCall(name, call.input),
    subagent: call.subagent,
  };
  const change = readTodoChange(name, call.input);
  return change === null ? [event] : [event, { kind: "todos", callId: id, change }];
}

function toResult(value: z.infer<typeof result>): AgentEvent[] {
  return [
    {
      kind: "result",
      subtype: clip(value.subtype, 100),
      isError: value.is_error,
      terminalReason: value.terminal_reason ?? null,
      apiErrorStatus: value.api_error_status ?? null,
      turns: value.num_turns,
      text: clip(value.result, 60_000),
      errors: value.errors.slice(0, 10).map((error) => clip(error, 500)),
      tokens: Object.entries(value.model_usage_since_last_result)
        .slice(0, 20)
        .map(([model, usage]) => ({
          model: clip(model, 100),
          input: usage.inputTokens,
          output: usage.outputTokens,
          cacheRead: usage.cacheReadInputTokens,
          cacheWrite: usage.cacheCreationInputTokens,
        })),
    },
  ];
}
