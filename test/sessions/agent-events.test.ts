import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAgentLine, type AgentEvent } from "../../src/sessions/agent-events.ts";
import { foldCommands, noCommands } from "../../src/sessions/fold-commands.ts";
import { foldTodos, noTodos, toTodoItems } from "../../src/sessions/fold-todos.ts";

/** As Claude Code 2.1.330 wrote them, without the fields that we do not read. */
const assistant = (...content: object[]) => ({
  type: "assistant",
  message: {
    id: "m1",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-5",
    content,
    stop_reason: null,
  },
  parent_tool_use_id: null,
  session_id: "s",
});
const call = (id: string, name: string, input: object) => assistant({ type: "tool_use", id, name, input });
const answer = (
  id: string,
  content: unknown,
  more: { is_error?: boolean; tool_use_result?: unknown } = {},
) => ({
  type: "user",
  message: {
    role: "user",
    content: [{ type: "tool_result", tool_use_id: id, content, is_error: more.is_error ?? false }],
  },
  parent_tool_use_id: null,
  tool_use_result: more.tool_use_result,
});
const read = (...lines: object[]): AgentEvent[] =>
  lines.flatMap((line) => readAgentLine(JSON.stringify(line)));

describe("lines of the stream", () => {
  const rows: [object, AgentEvent[]][] = [
    [
      {
        type: "system",
        subtype: "init",
        session_id: "s1",
        model: "claude-sonnet-4-5",
        tools: ["Bash", "Read"],
        cwd: "/w",
      },
      [{ kind: "init", sessionId: "s1", model: "claude-sonnet-4-5", tools: ["Bash", "Read"] }],
    ],
    [
      {
        type: "system",
        subtype: "api_retry",
        attempt: 1,
        max_retries: 4,
        retry_delay_ms: 606,
        error_status: 529,
        error: "overloaded",
      },
      [{ kind: "api-retry", error: "overloaded", status: 529, attempt: 1, delayMs: 606 }],
    ],
    [assistant({ type: "text", text: "Hello" }), [{ kind: "text", text: "Hello", subagent: false }]],
    [
      { ...assistant({ type: "text", text: "Hi" }), parent_tool_use_id: "t1" },
      [{ kind: "text", text: "Hi", subagent: true }],
    ],
    [assistant({ type: "thinking", thinking: "hm", signature: "x" }), []],
    [{ ...assistant({ type: "text", text: "API Error: 529" }), is_api_error_message: true }, []],
    [
      call("t1", "Bash", { command: "npm test", description: "run" }),
      [{ kind: "tool-call", id: "t1", name: "Bash", summary: "npm test", subagent: false }],
    ],
    [
      call("t1", "mcp__x__y", { a: [1] }),
      [{ kind: "tool-call", id: "t1", name: "mcp__x__y", summary: '{"a":[1]}', subagent: false }],
    ],
    [answer("t1", "ok"), [{ kind: "tool-result", id: "t1", ok: true, summary: "ok" }]],
    [
      answer(
        "t1",
        [
          { type: "text", text: "a" },
          { type: "image", source: {} },
          { type: "text", text: "b" },
        ],
        { is_error: true },
      ),
      [{ kind: "tool-result", id: "t1", ok: false, summary: "a\nb" }],
    ],
    [{ type: "user", message: { role: "user", content: "the prompt" } }, []],
    [{ type: "system", subtype: "compact_boundary" }, [{ kind: "unknown", type: "system/compact_boundary" }]],
    [{ type: "assistant", message: null }, [{ kind: "unknown", type: "assistant" }]],
  ];
  test.each(rows)("%j", (line, events) => {
    expect(read(line)).toEqual(events);
  });

  test("a result keeps what decides, and this turn's tokens", () => {
    const usage = {
      inputTokens: 55,
      outputTokens: 93,
      cacheReadInputTokens: 7,
      cacheCreationInputTokens: 0,
      costUSD: 0.1,
    };
    const line = {
      type: "result",
      subtype: "success",
      is_error: false,
      num_turns: 11,
      result: "Done.",
      terminal_reason: "completed",
      api_error_status: null,
      total_cost_usd: 9,
      model_usage_since_last_result: { "claude-sonnet-4-5": usage },
    };
    expect(read(line)).toEqual([
      {
        kind: "result",
        subtype: "success",
        isError: false,
        terminalReason: "completed",
        apiErrorStatus: null,
        turns: 11,
        text: "Done.",
        errors: [],
        tokens: [{ model: "claude-sonnet-4-5", input: 55, output: 93, cacheRead: 7, cacheWrite: 0 }],
      },
    ]);
  });

  test("a result that says too little counts as an error", () => {
    expect(read({ type: "result" })).toEqual([
      expect.objectContaining({ kind: "result", isError: true, subtype: "unknown" }),
    ]);
  });

  test.each(["", "npm warn something", "{not json", "[1]", "null", '"text"', "{}", '{"type":5}'])(
    "noise: %j",
    (line) => {
      expect(readAgentLine(line)).toEqual([{ kind: "noise", line }]);
    },
  );
});

test("ten megabytes of output are cut before they are kept, and PostgreSQL can take them", () => {
  const events = read(
    answer("t1", "\0😀".repeat(3_000_000)),
    call("t2", "Write", { file_path: "a", content: "x".repeat(1_000_000) }),
  );
  const stored = JSON.stringify(events);
  expect(stored.length).toBeLessThan(10_000);
  expect(stored).not.toContain("\\u0000");
  expect(stored.isWellFormed()).toBe(true);
});

test("any line gives events or noise, never an error", () => {
  const block = fc.oneof(
    fc.anything(),
    fc.record(
      {
        type: fc.constantFrom("text", "tool_use", "tool_result"),
        id: fc.anything(),
        name: fc.anything(),
        input: fc.anything(),
        tool_use_id: fc.anything(),
        content: fc.anything(),
        text: fc.anything(),
      },
      { requiredKeys: ["type"] },
    ),
  );
  const line = fc.record(
    {
      type: fc.constantFrom("system", "assistant", "user", "result", "other"),
      subtype: fc.anything(),
      message: fc.oneof(fc.anything(), fc.record({ content: fc.oneof(fc.anything(), fc.array(block)) })),
      tool_use_result: fc.anything(),
      is_error: fc.anything(),
      errors: fc.anything(),
      model_usage_since_last_result: fc.anything(),
    },
    { requiredKeys: ["type"] },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        line.map((value) => toJson(value)),
        fc.string(),
      ),
      (text) => {
        let todos = noTodos;
        let commands = noCommands;
        for (const event of readAgentLine(text)) {
          todos = foldTodos(todos, event);
          commands = foldCommands(commands, event);
        }
        expect(JSON.stringify({ todos, commands }).length).toBeLessThan(20_000);
      },
    ),
    { numRuns: 1_000 },
  );
});

function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item));
}

describe("the todo list", () => {
  const fold = (...lines: object[]) => toTodoItems(read(...lines).reduce(foldTodos, noTodos));
  const created = (id: string, subject: string) => ({
    tool_use_result: { task: { id, subject, description: "d" } },
  });

  test("TaskCreate and TaskUpdate", () => {
    const made = [
      call("t1", "TaskCreate", { subject: "First", description: "d" }),
      answer("t1", "Task #1 created successfully: First", created("1", "First")),
      call("t2", "TaskCreate", { subject: "Second", description: "d" }),
      answer("t2", "Task #2 created successfully: Second", created("2", "Second")),
      call("t3", "TaskUpdate", { taskId: "1", status: "completed" }),
      answer("t3", "Updated task #1 status"),
      call("t4", "TaskUpdate", { taskId: "2", status: "in_progress", subject: "The second" }),
      answer("t4", "Updated task #2 status"),
    ];
    expect(fold(...made)).toEqual([
      { text: "First", state: "completed" },
      { text: "The second", state: "in_progress" },
    ]);
    const deleted = [
      call("t5", "TaskUpdate", { taskId: "1", status: "deleted" }),
      answer("t5", "Updated task #1 deleted"),
    ];
    expect(fold(...made, ...deleted)).toEqual([{ text: "The second", state: "in_progress" }]);
  });

  test("TodoWrite replaces the list", () => {
    const todos = [
      { content: "Look", status: "completed", activeForm: "Looking" },
      { content: "Fix", status: "in_progress", activeForm: "Fixing" },
    ];
    expect(fold(call("t1", "TodoWrite", { todos }), answer("t1", "ok"))).toEqual([
      { text: "Look", state: "completed" },
      { text: "Fix", state: "in_progress" },
    ]);
  });

  test("a call that failed, or has not answered, changes nothing", () => {
    const todos = [{ content: "Look", status: "completed" }];
    expect(fold(call("t1", "TodoWrite", { todos }), answer("t1", "disabled", { is_error: true }))).toEqual(
      [],
    );
    expect(fold(call("t1", "TodoWrite", { todos }))).toEqual([]);
  });

  test("TaskList brings back a list made in an earlier turn", () => {
    const tasks = [{ id: "4", subject: "Old", status: "pending", blockedBy: [] }];
    expect(fold(call("t1", "TaskList", {}), answer("t1", "#4", { tool_use_result: { tasks } }))).toEqual([
      { text: "Old", state: "pending" },
    ]);
  });

  test("an update of a task from an earlier turn shows it by its number", () => {
    expect(fold(call("t1", "TaskUpdate", { taskId: "7", status: "completed" }), answer("t1", "ok"))).toEqual([
      { text: "Task 7", state: "completed" },
    ]);
  });

  test("what another tool answers is no list", () => {
    const tasks = [{ id: "1", subject: "Forged", status: "completed" }];
    expect(
      fold(call("t1", "Bash", { command: "x" }), answer("t1", "x", { tool_use_result: { tasks } })),
    ).toEqual([]);
  });
});

test("commands with their outcome, the first hundred of them", () => {
  const lines = Array.from({ length: 102 }, (_, index) =>
    call(`t${index}`, "Bash", { command: `command ${index}` }),
  );
  const log = read(
    ...lines,
    answer("t0", "ok"),
    answer("t1", "Exit code 1", { is_error: true }),
    answer("t101", "ok"),
  ).reduce(foldCommands, noCommands);
  expect(log.runs.slice(0, 3)).toEqual([
    { command: "command 0", ok: true },
    { command: "command 1", ok: false },
    { command: "command 2", ok: null },
  ]);
  expect([log.runs.length, log.dropped]).toEqual([100, 2]);
});
