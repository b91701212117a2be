import { formatPlural } from "../github/amounts.ts";
import { openQueue } from "../queue/queue.ts";
import { endSession } from "../sessions/session-store.ts";
import { cancelTasks } from "../tasks/cancel-task.ts";
import { chooseOne } from "./choose-one.ts";
import { createCliLogger } from "./cli-logger.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { toIdRange } from "./id-range.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { findSessionsInRange } from "./session-list-store.ts";

const who = "the operator of this server";

/**
 * `remote-claude session kill`: ends a session, stops its tasks and has its machine removed. Doing it again finishes
 * what an interrupted one had left.
 */
export async function killSession(io: CliIo, input: { session: string; json: boolean }): Promise<void> {
  const range = toIdRange(input.session, "session");
  const killed = await withCliDatabase(io, async (database) => {
    const { db, system, url } = database;
    const session = chooseOne(await findSessionsInRange(system, range), {
      what: "session",
      prefix: input.session,
      describe: ({ status, repository, issueNumber }) =>
        `${status}  ${repository.owner}/${repository.name}#${issueNumber}`,
    });
    const queue = await openQueue({ url, log: createCliLogger(io), mode: "send" });
    try {
      // First the session, so that a command of this moment begins another one instead of a task that dies at once.
      await endSession(system, session.id);
      const scope = { sessionId: session.id };
      const tasks = await cancelTasks({ db, queue }, { accountId: session.accountId, scope, by: who });
      await queue.enqueue(system, "reap", {});
      return { session, tasks };
    } finally {
      await queue.stop();
    }
  });
  const { session, tasks } = killed;
  if (input.json) {
    writeJson(io, {
      session: { id: session.id, wasEnded: session.endedAt !== null, sandbox: session.sandbox },
      tasks,
    });
    return;
  }
  const machine =
    session.sandbox === null
      ? "It has no machine."
      : `Its machine ${session.sandbox.provider} ${session.sandbox.id} is removed by the next worker that looks.`;
  io.write(
    `${session.endedAt === null ? "Ended" : "Had ended already:"} session ${session.id}; ${formatPlural(tasks.stopping.length, "running task")} told to stop, ${formatPlural(tasks.ended.length, "waiting task")} ended.\n${machine}\n`,
  );
}
