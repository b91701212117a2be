import { migrateDown, migrateUp, migrationStatus } from "../../db/migrate.ts";
import { formatPlural } from "../github/amounts.ts";
import { UserError } from "../errors.ts";
import { installQueue } from "../queue/queue.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { findDatabaseUrl } from "./open-cli-database.ts";

type MigrateIo = Pick<CliIo, "readConfig" | "write" | "setExitCode">;

/** `remote-claude migrate up`: the schema and the queue's own, up to this release. */
export async function runMigrateUp(io: MigrateIo, input: { json: boolean }): Promise<void> {
  const result = await migrateUp(await findDatabaseUrl(io.readConfig()), { afterUp: installQueue });
  if (input.json) writeJson(io, result);
  else
    io.write(result.applied.length === 0 ? "The database is up to date.\n" : list("Applied", result.applied));
}

/** `remote-claude migrate down`: takes the newest migrations back, once it is sure that this is meant. */
export async function runMigrateDown(
  io: MigrateIo,
  input: { steps: number; yes: boolean; json: boolean },
): Promise<void> {
  const { steps } = input;
  if (!input.yes) {
    throw new UserError(
      "confirmation-missing",
      `Taking back ${formatPlural(steps, "migration")} deletes what it had stored; the first one holds everything.`,
      "Make a backup and stop the bot, then add --yes.",
    );
  }
  const result = await migrateDown(await findDatabaseUrl(io.readConfig()), { steps });
  if (input.json) writeJson(io, result);
  else
    io.write(
      result.reverted.length === 0 ? "There is nothing to take back.\n" : list("Took back", result.reverted),
    );
}

/** `remote-claude migrate status`; exit code 1 when the database and this release disagree. */
export async function runMigrateStatus(io: MigrateIo, input: { json: boolean }): Promise<void> {
  const status = await migrationStatus(await findDatabaseUrl(io.readConfig()));
  if (input.json) writeJson(io, status);
  else
    io.write(list("Applied", status.applied) + list("Pending", status.pending) + list("Wrong", status.drift));
  if (status.drift.length > 0) io.setExitCode(1);
}

const list = (title: string, lines: readonly string[]): string =>
  `${[`${title}:`, ...(lines.length === 0 ? ["none"] : lines).map((line) => `  ${line}`)].join("\n")}\n`;
