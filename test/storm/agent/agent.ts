import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

/*
 * The storm's agent, where the agent itself is not what is struck: a fraction of the load of `claude`, whose command line, stream of
 * events, transcript and model calls (2.1.330) it keeps to. It knows two tools. It runs inside the sandbox, so it stands alone.
 */

type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: { file_path: string; content?: string } }
  | { type: "tool_result"; tool_use_id: string; content: string; is_error?: true };
type Message = { role: "user" | "assistant"; content: string | Block[] };

const known = ["p", "verbose", "include-hook-events", "dangerously-skip-permissions", "strict-mcp-config"];
const withValue = ["output-format", "setting-sources", "settings", "add-dir", "model", "max-turns", "tools"];

async function turn(): Promise<void> {
  const { values } = parseArgs({
    options: Object.fromEntries([
      ...known.map((name) => [name, name === "p" ? { type: "boolean", short: "p" } : { type: "boolean" }]),
      ...[...withValue, "resume", "session-id"].map((name) => [name, { type: "string" }]),
    ]) as Record<string, { type: "string" | "boolean" }>,
  });
  const sessionId = String(values.resume ?? values["session-id"]);
  const conversation = openConversation(sessionId);
  const emit = (event: object) =>
    process.stdout.write(`${JSON.stringify({ ...event, session_id: sessionId, uuid: randomUUID() })}\n`);
  emit({ type: "system", subtype: "init", model: values.model, tools: Object.keys(tools) });
  conversation.say({ role: "user", content: readFileSync(0, "utf8") });
  try {
    for (let turns = 1; ; turns += 1) {
      const content = await ask({ model: String(values.model), messages: conversation.messages });
      const answer: Message = { role: "assistant", content };
      conversation.say(answer);
      emit({ type: "assistant", message: answer, parent_tool_use_id: null });
      const uses = content.filter((block) => block.type === "tool_use");
      if (uses.length === 0) {
        const text = content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
        emit({ type: "result", subtype: "success", is_error: false, num_turns: turns, result: text });
        return;
      }
      const results: Message = { role: "user", content: uses.map(use) };
      conversation.say(results);
      emit({ type: "user", message: results, parent_tool_use_id: null });
    }
  } catch (error) {
    const status = error instanceof ApiError ? error.status : null;
    const failure = { is_error: true, terminal_reason: "api_error", api_error_status: status };
    emit({ type: "result", subtype: "success", num_turns: 1, result: String(error), ...failure });
    process.exitCode = 1;
  }
}

/** What was said before, from the transcript, to which all that is said is added. */
function openConversation(sessionId: string): { messages: Message[]; say: (message: Message) => void } {
  const project = process.cwd().replace(/[^A-Za-z0-9]/g, "-");
  const path = join(process.env.HOME ?? "", ".claude", "projects", project, `${sessionId}.jsonl`);
  mkdirSync(dirname(path), { recursive: true });
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  const messages = lines
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { message: Message }).message);
  return {
    messages,
    say(message) {
      messages.push(message);
      const entry = { type: message.role, message, sessionId, cwd: process.cwd(), uuid: randomUUID() };
      appendFileSync(path, `${JSON.stringify(entry)}\n`);
    },
  };
}

const tools: Record<string, (input: { file_path: string; content?: string }) => string> = {
  Read: (input) => readFileSync(input.file_path, "utf8"),
  Write: (input) => {
    mkdirSync(dirname(input.file_path), { recursive: true });
    writeFileSync(input.file_path, input.content ?? "");
    return `File created at ${input.file_path}`;
  },
};

function use({ id, name, input }: Extract<Block, { type: "tool_use" }>): Block {
  const result = { type: "tool_result", tool_use_id: id } as const;
  try {
    return { ...result, content: tools[name]?.(input) ?? `There is no tool ${name}` };
  } catch (error) {
    return { ...result, content: String(error), is_error: true };
  }
}

class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function ask(input: { model: string; messages: Message[] }): Promise<Block[]> {
  const response = await fetch(`${process.env.ANTHROPIC_BASE_URL ?? ""}/v1/messages`, {
    method: "POST",
    headers: {
      ...{ "content-type": "application/json", "anthropic-version": "2023-06-01" },
      "x-api-key": process.env.ANTHROPIC_API_KEY ?? "",
    },
    body: JSON.stringify({
      ...input,
      max_tokens: 32_000,
      system: `Primary working directory: ${process.cwd()}\n`,
      tools: Object.keys(tools).map((name) => ({ name, input_schema: { type: "object" } })),
    }),
  });
  if (!response.ok) throw new ApiError(response.status, await response.text());
  return ((await response.json()) as { content: Block[] }).content;
}

if (process.argv.includes("--version")) process.stdout.write("2.1.330 (Claude Code)\n");
else await turn();
