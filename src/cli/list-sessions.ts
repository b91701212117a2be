import { writeJson, type CliIo } from "./cli-io.ts";
import { shortenIds } from "./id-range.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { formatAge } from "./relative-time.ts";
import { renderTable } from "./render-table.ts";
import { listSessions, type ListedSession } from "./session-list-store.ts";

/** `remote-claude session list`: the conversations of the whole server. */
export async function showSessions(
  io: CliIo,
  input: { all: boolean; limit: number; json: boolean },
): Promise<void> {
  const sessions = await withCliDatabase(io, ({ system }) => listSessions(system, input));
  if (input.json) {
    writeJson(io, { sessions });
    return;
  }
  if (sessions.length === 0) {
    io.write(input.all ? "There are no sessions.\n" : "There are no open sessions.\n");
    return;
  }
  io.write(renderSessions(sessions, io));
}

function renderSessions(sessions: readonly ListedSession[], io: Pick<CliIo, "columns" | "now">): string {
  const shorten = shortenIds(sessions.map(({ id }) => id));
  const now = io.now();
  return renderTable({
    heading: ["SESSION", "STATUS", "ISSUE", "PULL", "OPEN TASKS", "SANDBOX", "CREATED", "BRANCH"],
    rows: sessions.map((session) => [
      shorten(session.id),
      session.status,
      `${session.repository.owner}/${session.repository.name}#${session.issueNumber}`,
      session.pullNumber === null ? "-" : `#${session.pullNumber}`,
      String(session.openTasks),
      session.sandbox === null ? "-" : `${session.sandbox.provider} ${session.sandbox.id.slice(0, 16)}`,
      formatAge(session.createdAt, now),
      session.branch,
    ]),
    columns: io.columns,
  });
}
