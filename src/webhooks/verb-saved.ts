import { withAccount } from "../../db/client.ts";
import type { TaskOptions } from "../../db/schema.ts";
import { optionsAgain } from "../tasks/retry-task.ts";
import { findSavedTask, listSavedTasks, saveTask } from "../tasks/saved-task-store.ts";
import type { Task } from "../tasks/task-store.ts";
import { listTasksOfThread } from "../tasks/thread-task-store.ts";
import { toThreadRef, type Order, type OrderOf } from "./command-order.ts";
import { renderSavedTasks, type SavedTaskView } from "./command-saved-list.ts";
import { readThreadSettings } from "./command-settings.ts";
import { startFixCi } from "./checks-fix-ci.ts";
import { replies } from "./replies.ts";
import { startTask } from "./start-task.ts";
import type { TriggerDeps } from "./trigger.ts";
import { startOnPull } from "./verb-on-pull.ts";

/** What people ask for in words of their own; a repair of checks or an undo says nothing without its moment. */
const kept: ReadonlySet<string> = new Set(["implement", "ask", "plan", "review", "fix-ci", "rebase"]);
const asked: ReadonlySet<Task["trigger"]> = new Set(["comment", "review-comment", "label", "assign"]);

/** `save <name>`: keeps the thread's last instruction, with its verb and options, for `run`. */
export async function saveLastTask(deps: TriggerDeps, order: OrderOf<"save" | "run">): Promise<void> {
  const { thread, admitted, command } = order;
  const { accountId } = admitted.tenant;
  const name = command.name.toLowerCase();
  const ref = await toThreadRef(deps, order);
  const last = await withAccount(deps.db, accountId, async (tx) => {
    const tasks = await listTasksOfThread(tx, ref);
    return tasks.find((task) => asked.has(task.trigger) && kept.has(task.verb)) ?? null;
  });
  if (last === null) return admitted.reply(replies.nothingToSave());
  const before = await withAccount(deps.db, accountId, (tx) =>
    saveTask(tx, {
      ...{ repositoryId: thread.repository.id, name, accountId },
      ...{ verb: last.verb, instruction: last.instruction, options: optionsAgain(last.options) },
      ...{ savedById: thread.sender.id, savedByLogin: thread.sender.login },
    }),
  );
  const another =
    before !== null && (before.verb !== last.verb || before.instruction !== last.instruction) ? before : null;
  await admitted.reply(replies.saved({ name, task: last, before: another }));
}

/** `run <name>`: a saved task, or one of the settings file, on this thread; given options win over its own. */
export async function runSavedTask(deps: TriggerDeps, order: OrderOf<"save" | "run">): Promise<void> {
  const { admitted, command } = order;
  const found = await findByName(deps, order, command.name.toLowerCase());
  if (found === null) return admitted.reply(replies.noSuchTask(command.name));
  const instruction = [found.instruction, command.instruction].filter((text) => text !== "").join("\n\n");
  const options = { ...found.options, ...command.options };
  const again = { ...order, command: { ...command, instruction, options } };
  if (found.verb === "review" || found.verb === "rebase")
    return startOnPull(deps, again, { verb: found.verb });
  if (found.verb === "fix-ci") {
    const { kind } = command;
    return startFixCi(deps, { ...order, command: { kind, verb: "fix-ci", instruction, options } });
  }
  const { verb } = found;
  return startTask(deps, order.thread, admitted, {
    ...order.source,
    verb,
    instruction,
    options,
    issue: order.issue,
  });
}

type Found = { verb: string; instruction: string; options: TaskOptions };

async function findByName(deps: TriggerDeps, order: Order, name: string): Promise<Found | null> {
  const { thread, admitted } = order;
  const saved = await withAccount(deps.db, admitted.tenant.accountId, (tx) =>
    findSavedTask(tx, { repositoryId: thread.repository.id, name }),
  );
  if (saved !== null) return saved;
  const inFile = (await readThreadSettings(deps, order))?.settings.savedTasks.get(name);
  return inFile === undefined ? null : { verb: "implement", ...inFile };
}

/** `tasks`: the saved tasks of the repository, and those of its settings file. */
export async function listTasks(deps: TriggerDeps, order: Order): Promise<void> {
  const { thread, admitted } = order;
  const rows = await withAccount(deps.db, admitted.tenant.accountId, (tx) =>
    listSavedTasks(tx, thread.repository.id),
  );
  const saved = rows.map(({ name, verb, instruction, savedByLogin }): SavedTaskView => ({
    ...{ name, verb, instruction, from: savedByLogin },
  }));
  const names = new Set(saved.map(({ name }) => name));
  const settings = await readThreadSettings(deps, order);
  const inFile = [...(settings?.settings.savedTasks ?? [])]
    .filter(([name]) => !names.has(name))
    .map(([name, { instruction }]): SavedTaskView => ({ name, verb: "implement", instruction, from: null }));
  await admitted.reply(renderSavedTasks([...saved, ...inFile]));
}
