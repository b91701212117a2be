import { formatPlural } from "../github/amounts.ts";
import { openQueue } from "../queue/queue.ts";
import { openFleet } from "../sandbox/open-fleet.ts";
import { endMachines } from "../sessions/end-machines.ts";
import { endSession } from "../sessions/session-store.ts";
import { cancelTasks } from "../tasks/cancel-task.ts";
import { chooseOne } from "./choose-one.ts";
import { createCliLogger } from "./cli-logger.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { toIdRange } from "./id-range.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { operatorReason } from "./kill-sandboxes.ts";
import { recordOperator } from "./record-operator.ts";
import { endedJson, renderEnded } from "./render-ended.ts";
import { findSessionsInRange } from "./session-list-store.ts";

const who = "the operator of this server";

/**
 * `remote-claude session kill`: ends a session, stops its tasks and ends its machines at once; one whose provider does not
 * answer is left to the reaper. Doing it again finishes what an interrupted one had left.
 */
export async function killSession(io: CliIo, input: { session: string; json: boolean }): Promise<void> {
  const range = toIdRange(input.session, "session");
  const { session, tasks, ended } = await withCliDatabase(io, async ({ db, system, url }, config) => {
    const session = chooseOne(await findSessionsInRange(system, range), {
      what: "session",
      prefix: input.session,
      describe: ({ status, repository, issueNumber }) =>
        `${status}  ${repository.owner}/${repository.name}#${issueNumber}`,
    });
    const log = createCliLogger(io);
    const queue = await openQueue({ url, log, mode: "send" });
    try {
      // First the session, so that a command of this moment begins another one instead of a task that dies at once.
      const { id, accountId } = session;
      await recordOperator(system, { accountId, command: "session kill", data: { session: id } });
      await system.transaction((tx) => endSession(tx, id));
      const scope = { sessionId: session.id };
      const tasks = await cancelTasks(
        { db, queue, config },
        { accountId: session.accountId, scope, by: who },
      );
      const fleet = await openFleet(config, log);
      const ended = await endMachines({ system, sandboxes: fleet, log }, { scope, reason: operatorReason });
      // Whatever is left, and local machines on other hosts, which this one cannot see.
      await queue.enqueue(system, "reap", {});
      return { session, tasks, ended };
    } finally {
      await queue.stop();
    }
  });
  if (input.json) {
    writeJson(io, {
      session: { id: session.id, wasEnded: session.endedAt !== null, sandbox: session.sandbox },
      tasks,
      ...endedJson(ended),
    });
    return;
  }
  io.write(
    `${session.endedAt === null ? "Ended" : "Had ended already:"} session ${session.id}; ${formatPlural(tasks.stopping.length, "running task")} told to stop, ${formatPlural(tasks.ended.length, "waiting task")} ended.\n${renderEnded(ended, io.columns)}`,
  );
}
