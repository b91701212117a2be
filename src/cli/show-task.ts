import { chooseOne } from "./choose-one.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { toIdRange } from "./id-range.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { renderTask } from "./render-task.ts";
import { findTaskDetail } from "./task-detail-store.ts";
import { findTasksInRange } from "./task-list-store.ts";
import { toTerminalLine } from "./terminal-text.ts";

/** `remote-claude show`: one task with all that is known of it. */
export async function showTask(io: CliIo, input: { task: string; json: boolean }): Promise<void> {
  const range = toIdRange(input.task, "task");
  const detail = await withCliDatabase(io, async (database) => {
    const { id } = chooseOne(await findTasksInRange(database.system, range), {
      what: "task",
      prefix: input.task,
      describe: ({ status, instruction }) => `${status}  ${toTerminalLine(instruction).slice(0, 60)}`,
    });
    const found = await findTaskDetail(database, id);
    if (found === null) throw new Error(`task ${id} vanished while it was read`);
    return found;
  });
  if (input.json) writeJson(io, detail);
  else io.write(renderTask(detail, io.now()));
}
