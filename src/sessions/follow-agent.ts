import { withAccount, type Db } from "../../db/client.ts";
import type { Redactor } from "../github/redact.ts";
import { recordAgentEvents, storeTodos } from "./agent-event-store.ts";
import { crashPoint } from "../crash-point.ts";
import { toError } from "../errors.ts";
import { readAgentLine, type AgentEvent, type ResultEvent } from "./agent-events.ts";
import type { TodoItem } from "./agent-todo-change.ts";
import { foldCommands, noCommands, type CommandRun } from "./fold-commands.ts";
import { foldTodos, noTodos, toTodoItems } from "./fold-todos.ts";
import { createLineSplitter } from "./ndjson.ts";
import { redactStrings } from "./redact-strings.ts";

export type AgentProgress = { todos: readonly TodoItem[] };

export type Follower = {
  /** A piece of the agent's standard output. */
  push: (chunk: Uint8Array) => void;
  /** Stores what is left; rejects when anything could not be stored. */
  end(): Promise<{ result: ResultEvent | null; commands: readonly CommandRun[] }>;
};

/** Events that wait for the database; more would mean that it is away, and then the turn must fail rather than grow. */
const maxWaiting = 20_000;
const batch = 200;

/**
 * Reads the agent's stream while it runs: each event is stored in order under the claim's fence, the todo list
 * is kept for the status comment, and the result event is kept for the end.
 */
export function followAgent(
  deps: { db: Db; redact: Redactor },
  input: {
    taskId: string;
    accountId: string;
    fence: number;
    onProgress: (progress: AgentProgress) => void;
    /** Each whole line as it came. */
    onLine: (line: string) => void;
  },
): Follower {
  let todos = noTodos;
  let commands = noCommands;
  let result: ResultEvent | null = null;
  let sequence = 0;
  let waiting: AgentEvent[] = [];
  let flushing: Promise<void> | null = null;
  let failure: Error | undefined;

  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const events = waiting.slice(0, batch);
      waiting = waiting.slice(batch);
      const first = sequence;
      if (first === 0) await crashPoint("agent-speaks", input.taskId);
      sequence += events.length;
      await withAccount(deps.db, input.accountId, (tx) => recordAgentEvents(tx, { ...input, first, events }));
    }
  };
  const schedule = (): void => {
    flushing ??= flush()
      .catch((error: unknown) => void (failure ??= toError(error)))
      .finally(() => (flushing = null));
  };
  const take = (said: AgentEvent): void => {
    // Before anything is derived from it: todos and commands end up in public comments.
    const event = redactStrings(said, deps.redact);
    if (event.kind === "result") result = event;
    commands = foldCommands(commands, event);
    const before = todos;
    todos = foldTodos(todos, event);
    if (todos.items !== before.items) {
      const items = toTodoItems(todos);
      void withAccount(deps.db, input.accountId, (tx) => storeTodos(tx, { ...input, items })).catch(
        (error: unknown) => void (failure ??= toError(error)),
      );
      input.onProgress({ todos: items });
    }
    if (waiting.length >= maxWaiting) {
      failure ??= new Error(
        `the agent's events could not be stored: ${maxWaiting} are waiting for the database`,
      );
      return;
    }
    waiting.push(event);
    schedule();
  };
  const splitter = createLineSplitter({
    onLine: (line) => {
      input.onLine(line);
      readAgentLine(line).forEach(take);
    },
    onOversized: (bytes) => take({ kind: "noise", line: `a line of ${bytes} bytes was left out` }),
  });
  return {
    push: splitter.push,
    async end() {
      splitter.end();
      while (flushing !== null || waiting.length > 0) {
        schedule();
        await flushing;
        if (failure !== undefined) break;
      }
      if (failure !== undefined) throw failure;
      return { result, commands: commands.runs };
    },
  };
}
