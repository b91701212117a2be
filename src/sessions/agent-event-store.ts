import { and, eq } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { event, task } from "../../db/schema.ts";
import type { AgentEvent } from "./agent-events.ts";
import type { TodoItem } from "./agent-todo-change.ts";

/** Appends events to the task's log; repeating a batch changes nothing. */
export async function recordAgentEvents(
  tx: Tx,
  input: { taskId: string; accountId: string; fence: number; first: number; events: readonly AgentEvent[] },
): Promise<void> {
  const { taskId, accountId, fence } = input;
  await tx
    .insert(event)
    .values(
      input.events.map(({ kind, ...data }, index) => ({
        taskId,
        accountId,
        fence,
        sequence: input.first + index,
        kind,
        data: withoutNul(data),
      })),
    )
    .onConflictDoNothing();
}

/** PostgreSQL's jsonb cannot hold U+0000, which a command's output may well contain. */
function withoutNul(data: object): unknown {
  const text = JSON.stringify(data);
  return text.includes("\\u0000")
    ? JSON.parse(text.replaceAll(/(?<!\\)((?:\\\\)*)\\u0000/g, "$1\\ufffd"))
    : data;
}

export async function storeTodos(
  tx: Tx,
  input: { taskId: string; fence: number; items: readonly TodoItem[] },
): Promise<void> {
  await tx
    .update(task)
    .set({ todos: [...input.items] })
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)));
}
