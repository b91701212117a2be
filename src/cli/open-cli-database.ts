import { openDatabase, type Database } from "../../db/client.ts";
import type { Config } from "../config.ts";
import { findEmbeddedPostgres } from "../embedded-postgres.ts";
import { UserError } from "../errors.ts";
import type { CliIo } from "./cli-io.ts";

/** The database of the bot that this command is about: DATABASE_URL, else the embedded one that runs on DATA_DIR. */
export async function findDatabaseUrl(config: Pick<Config, "databaseUrl" | "dataDir">): Promise<string> {
  const url = config.databaseUrl ?? (await findEmbeddedPostgres(config.dataDir));
  if (url !== null) return url;
  throw new UserError(
    "database-unknown",
    `DATABASE_URL is not set, and no bot runs a PostgreSQL in DATA_DIR ${config.dataDir}.`,
    "Start the bot (npm start), run this command in its folder with its settings, or set DATABASE_URL.",
  );
}

/** Runs a command on the bot's database and lets go of it at the end. */
export async function withCliDatabase<T>(
  io: Pick<CliIo, "readConfig">,
  run: (database: Database, config: Config) => Promise<T>,
): Promise<T> {
  const config = io.readConfig();
  const database = openDatabase({ url: await findDatabaseUrl(config) });
  try {
    return await run(database, config);
  } finally {
    await database.close();
  }
}
