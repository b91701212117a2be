import type { MessagesRequest, Usage } from "./messages-request.ts";

/** One content block of an answer, as a scenario writes it; tool ids are given by the server. */
export type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; name: string; input: Readonly<Record<string, unknown>> };

/** How an answer goes wrong after that many events: the socket breaks, nothing more comes, or an error event ends it. */
export type Fault = { afterEvents: number; how: "cut" | "hang" | "overloaded" };

export type Reply =
  | {
      kind: "message";
      blocks: readonly Block[];
      stopReason?: "end_turn" | "tool_use" | "max_tokens" | "refusal";
      /** Instead of the numbers counted from the request and the blocks. */
      usage?: Partial<Usage>;
      /** Pause before each event, ms: a slow model. */
      eventDelayMs?: number;
      fault?: Fault;
    }
  | { kind: "error"; status: number; type: string; message: string; headers?: Record<string, string> }
  | {
      kind: "bytes";
      status?: number;
      headers?: Record<string, string>;
      chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
    }
  | { kind: "hang" };

export type ToolResult = { toolUseId: string; name: string; text: string; isError: boolean };

/** What a scenario is told about one model call of the agent's conversation. */
export type Call = {
  body: MessagesRequest;
  /** How many answers the model has given since the person's last prompt; a retry asks for the same turn again. */
  turn: number;
  /** The person's last prompt, without the harness's reminders. */
  prompt: string;
  /** The agent's working directory as its harness states it. */
  cwd: string;
  /** Names of the tools that the harness offers. */
  tools: ReadonlySet<string>;
  /** What the tools of the previous answer said. */
  results: readonly ToolResult[];
};

export type Scenario = (call: Call) => Reply | Promise<Reply>;

/** An answer of these blocks; strings are text. */
export function answer(...blocks: readonly (Block | string)[]): Reply {
  return {
    kind: "message",
    blocks: blocks.map((block) => (typeof block === "string" ? { type: "text", text: block } : block)),
  };
}

/** A tool call. */
export function use(name: string, input: Readonly<Record<string, unknown>>): Block {
  return { type: "tool_use", name, input };
}
