import type { AgentEvent } from "./agent-events.ts";
import { maxTodos, type TodoChange, type TodoItem } from "./agent-todo-change.ts";

export type TodoList = {
  items: readonly (TodoItem & { id?: string })[];
  /** Changes by the id of the call that asked for them and has not answered yet. */
  pending: ReadonlyMap<string, TodoChange>;
};

export const noTodos: TodoList = { items: [], pending: new Map() };

const maxPending = 100;

/** Follows Claude's todo list; a change counts once its call has succeeded. Returns the same object when nothing changed. */
export function foldTodos(list: TodoList, event: AgentEvent): TodoList {
  if (event.kind === "todos") {
    if (list.pending.size >= maxPending) return list;
    return { ...list, pending: new Map(list.pending).set(event.callId, event.change) };
  }
  if (event.kind !== "tool-result") return list;
  const asked = list.pending.get(event.id);
  if (asked === undefined) return list;
  const pending = new Map(list.pending);
  pending.delete(event.id);
  return { items: event.ok ? apply(list.items, event.todos ?? asked) : list.items, pending };
}

/** What the database and the status comment take. */
export function toTodoItems(list: TodoList): TodoItem[] {
  return list.items.map(({ text, state }) => ({ text, state }));
}

function apply(items: TodoList["items"], change: TodoChange): TodoList["items"] {
  switch (change.kind) {
    case "list":
      return items;
    case "replace":
      return change.items;
    case "create":
      return [
        ...items.filter((item) => change.id === undefined || item.id !== change.id),
        {
          text: change.text,
          state: "pending" as const,
          ...(change.id === undefined ? {} : { id: change.id }),
        },
      ].slice(-maxTodos);
    case "update": {
      if (change.state === "deleted") return items.filter((item) => item.id !== change.id);
      const { text, state } = change;
      const known = items.some((item) => item.id === change.id);
      // Made before this turn: a resumed conversation keeps its list, of which we have not seen the beginning.
      const all = known
        ? items
        : [...items, { id: change.id, text: `Task ${change.id}`, state: "pending" as const }];
      return all
        .map((item) =>
          item.id === change.id ? { ...item, text: text ?? item.text, state: state ?? item.state } : item,
        )
        .slice(-maxTodos);
    }
  }
}
