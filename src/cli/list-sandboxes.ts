import { openFleet } from "../sandbox/open-fleet.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { createCliLogger } from "./cli-logger.ts";
import { gatherSandboxes, type ListedSandbox } from "./gather-sandboxes.ts";
import { shortenIds } from "./id-range.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { formatAge } from "./relative-time.ts";
import { renderTable } from "./render-table.ts";

/** `remote-claude sandbox list`: the machines of the whole server; exit code 1 when a provider did not answer. */
export async function showSandboxes(
  io: CliIo,
  input: { all: boolean; limit: number; json: boolean },
): Promise<void> {
  const { sandboxes, unlisted } = await withCliDatabase(io, async ({ system }, config) => {
    const fleet = await openFleet(config, createCliLogger(io));
    return gatherSandboxes({ system, sandboxes: fleet }, input);
  });
  if (unlisted.length > 0) io.setExitCode(1);
  if (input.json) {
    writeJson(io, {
      sandboxes,
      unlisted: unlisted.map(({ provider, error }) => ({ provider, error: error.message })),
    });
    return;
  }
  if (sandboxes.length > 0) io.write(renderSandboxes(sandboxes, io));
  else if (unlisted.length === 0) io.write("There are no sandboxes.\n");
  for (const { provider, error } of unlisted)
    io.writeError(`${provider} did not answer, so that it may have more: ${error.message}\n`);
}

function renderSandboxes(sandboxes: readonly ListedSandbox[], io: Pick<CliIo, "columns" | "now">): string {
  const shorten = shortenIds(sandboxes.flatMap(({ session }) => (session === null ? [] : [session.id])));
  const now = io.now();
  return renderTable({
    heading: ["SANDBOX", "STATE", "RECORDED", "USED", "SESSION", "ISSUE"],
    rows: sandboxes.map(({ provider, id, state, record, usedAt, startedAt, session, inUse }) => [
      `${provider}/${id}`,
      state ?? "-",
      record ?? "no",
      usedAt === null && startedAt === null ? "-" : formatAge(usedAt ?? startedAt ?? now, now),
      session === null ? "unknown" : `${shorten(session.id)} ${inUse ? "in use" : session.status}`,
      session === null
        ? "-"
        : `${session.repository.owner}/${session.repository.name}#${session.issueNumber}`,
    ]),
    columns: io.columns,
  });
}
