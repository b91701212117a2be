import { readConfig } from "../src/config.ts";
import { findEmbeddedPostgres } from "../src/embedded-postgres.ts";
import { UserError } from "../src/errors.ts";
import { migrateDown, migrateUp, migrationStatus } from "./migrate.ts";

const usage = "node db/migrate.ts up | down [steps] | status";

/**
 * `npm run db:migrate`, `npm run db:rollback`: on DATABASE_URL, else on the embedded PostgreSQL of the bot that is
 * running on DATA_DIR. Answers the exit code: 0, 1 after an error that it has explained, 2 for drift seen by `status`.
 */
export async function migrateCommand(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${error.message}\n${error.remedy}\n`);
    return 1;
  }
}

async function run([verb, steps = "1", ...rest]: readonly string[]): Promise<number> {
  if (rest.length > 0 || !/^[1-9]\d*$/.test(steps)) throw misused([verb ?? "", steps, ...rest]);
  switch (verb) {
    case "up": {
      const { installQueue } = await import("../src/queue/queue.ts");
      const { applied } = await migrateUp(await findUrl(), { afterUp: installQueue });
      return say(applied.length === 0 ? "The database is up to date." : list("Applied:", applied));
    }
    case "down": {
      const { reverted } = await migrateDown(await findUrl(), { steps: Number(steps) });
      return say(reverted.length === 0 ? "There is nothing to take back." : list("Took back:", reverted));
    }
    case "status": {
      const { applied, pending, drift } = await migrationStatus(await findUrl());
      say([list("Applied:", applied), list("Pending:", pending), list("Wrong:", drift)].join("\n"));
      return drift.length === 0 ? 0 : 2;
    }
    default:
      throw misused([verb ?? "nothing"]);
  }
}

async function findUrl(): Promise<string> {
  const config = readConfig();
  const url = config.databaseUrl ?? (await findEmbeddedPostgres(config.dataDir));
  if (url !== null) return url;
  throw new UserError(
    "database-unknown",
    `DATABASE_URL is not set, and no bot runs a PostgreSQL in DATA_DIR ${config.dataDir}.`,
    "Set DATABASE_URL, or start the bot (npm start brings its database up to date by itself).",
  );
}

function misused(got: readonly string[]): UserError {
  return new UserError("usage", `Expected ${usage}; got ${got.join(" ")}.`, "Say up, down or status.");
}

const list = (title: string, lines: readonly string[]): string =>
  [title, ...(lines.length === 0 ? ["none"] : lines).map((line) => `  ${line}`)].join("\n");

function say(text: string): 0 {
  process.stdout.write(`${text}\n`);
  return 0;
}
