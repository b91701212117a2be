import { taskStatuses, type TaskStatus } from "../tasks/task.ts";
import { UserError } from "../errors.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { shortenIds } from "./id-range.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { formatAge } from "./relative-time.ts";
import { renderTable } from "./render-table.ts";
import { listTasks, type ListedTask, type TaskFilter } from "./task-list-store.ts";

/** `remote-claude tasks`: the newest tasks of the whole server. */
export async function showTasks(io: CliIo, filter: TaskFilter & { json: boolean }): Promise<void> {
  const tasks = await withCliDatabase(io, ({ system }) => listTasks(system, filter));
  if (filter.json) {
    writeJson(io, { tasks });
    return;
  }
  if (tasks.length === 0) {
    io.write("There are no such tasks.\n");
    return;
  }
  io.write(renderTasks(tasks, io));
}

function renderTasks(tasks: readonly ListedTask[], io: Pick<CliIo, "columns" | "now">): string {
  const shorten = shortenIds(tasks.map(({ id }) => id));
  const now = io.now();
  return renderTable({
    heading: ["TASK", "STATUS", "ISSUE", "BY", "CREATED", "INSTRUCTION"],
    rows: tasks.map((task) => [
      shorten(task.id),
      task.status,
      `${task.repository.owner}/${task.repository.name}#${task.issueNumber}`,
      task.requester,
      formatAge(task.createdAt, now),
      task.verb === "implement" ? task.instruction : `${task.verb}: ${task.instruction}`,
    ]),
    columns: io.columns,
  });
}

/** owner/name, as --repo has it. */
export function readRepository(text: string): { owner: string; name: string } {
  const [, owner, name] = /^([\w.-]+)\/([\w.-]+)$/.exec(text) ?? [];
  if (owner !== undefined && name !== undefined) return { owner, name };
  throw new UserError(
    "repository-invalid",
    `Expected owner/name, got ${JSON.stringify(text)}.`,
    "For example --repo acme/widgets.",
  );
}

/** States separated by commas; `pending` is an old name of `queued`. */
export function readStatuses(text: string): TaskStatus[] {
  const given = text.split(",").map((word) => word.trim().toLowerCase());
  return given.map((word) => {
    const status = taskStatuses.find((known) => known === (word === "pending" ? "queued" : word));
    if (status !== undefined) return status;
    throw new UserError(
      "status-invalid",
      `Expected states of a task, got ${JSON.stringify(word)}.`,
      `They are ${taskStatuses.join(", ")}.`,
    );
  });
}
