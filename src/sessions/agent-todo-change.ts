import { z } from "zod";
import { clip } from "./agent-summaries.ts";

export type TodoState = "pending" | "in_progress" | "completed";
export type TodoItem = { text: string; state: TodoState };

export type TodoChange =
  /** Nothing by itself: the answer says what there is. */
  | { kind: "list" }
  | { kind: "replace"; items: readonly (TodoItem & { id?: string })[] }
  | { kind: "create"; id?: string; text: string }
  | { kind: "update"; id: string; text?: string; state?: TodoState | "deleted" };

const state = z.enum(["pending", "in_progress", "completed"]).catch("pending");

const todoWrite = z.object({ todos: z.array(z.object({ content: z.string(), status: state })) });
const taskCreate = z.object({ subject: z.string() });
const taskUpdate = z.object({
  taskId: z.string(),
  subject: z.string().optional().catch(undefined),
  status: z.enum(["pending", "in_progress", "completed", "deleted"]).optional().catch(undefined),
});

const created = z.object({ task: z.object({ id: z.string(), subject: z.string() }) });
const listed = z.object({
  tasks: z.array(z.object({ id: z.string(), subject: z.string(), status: state })),
});

export const maxTodos = 50;
export const clipTodo = (text: string): string => clip(text.replaceAll(/\s+/g, " ").trim(), 200);

/**
 * What a call asks of the todo list; null for other tools. Claude Code 2.1.330 keeps it with TaskCreate and
 * TaskUpdate, older ones and other settings with TodoWrite.
 */
export function readTodoChange(tool: string, input: unknown): TodoChange | null {
  switch (tool) {
    case "TodoWrite": {
      const parsed = todoWrite.safeParse(input);
      if (!parsed.success) return null;
      const items = parsed.data.todos.slice(0, maxTodos);
      return {
        kind: "replace",
        items: items.map((todo) => ({ text: clipTodo(todo.content), state: todo.status })),
      };
    }
    case "TaskCreate": {
      const parsed = taskCreate.safeParse(input);
      return parsed.success ? { kind: "create", text: clipTodo(parsed.data.subject) } : null;
    }
    case "TaskUpdate": {
      const parsed = taskUpdate.safeParse(input);
      if (!parsed.success) return null;
      const { taskId, subject, status } = parsed.data;
      return {
        kind: "update",
        id: clip(taskId, 100),
        ...(subject === undefined ? {} : { text: clipTodo(subject) }),
        ...(status === undefined ? {} : { state: status }),
      };
    }
    case "TaskList":
      return { kind: "list" };
    default:
      return null;
  }
}

/** What the answer of TaskCreate (the id of the new task) or TaskList (all of them) says; null for other answers. */
export function readTodoAnswer(toolUseResult: unknown): TodoChange | null {
  const one = created.safeParse(toolUseResult);
  if (one.success) {
    return { kind: "create", id: clip(one.data.task.id, 100), text: clipTodo(one.data.task.subject) };
  }
  const all = listed.safeParse(toolUseResult);
  if (!all.success) return null;
  const items = all.data.tasks.slice(0, maxTodos);
  return {
    kind: "replace",
    items: items.map((task) => ({
      id: clip(task.id, 100),
      text: clipTodo(task.subject),
      state: task.status,
    })),
  };
}
