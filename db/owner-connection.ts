import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { UserError } from "../src/errors.ts";
import { isConnectionError } from "./client.ts";

const oldestVersion = 15;

/**
 * One connection as the user of the URL, who owns the schema; closed at the end. Throws a UserError when there is no
 * server, when it is too old, or when the user may not do what the migrations need.
 */
export async function withOwner<T>(url: string, run: (db: PostgresJsDatabase) => Promise<T>): Promise<T> {
  const client = postgres(url, {
    max: 1,
    max_lifetime: null,
    connect_timeout: 10,
    connection: { application_name: "remote-claude migrate" },
    onnotice: () => undefined,
  });
  try {
    await requireVersion(client);
    return await run(drizzle({ client }));
  } catch (error) {
    throw explain(error);
  } finally {
    await client.end({ timeout: 5 });
  }
}

async function requireVersion(client: postgres.Sql): Promise<void> {
  const [row] = await client<[{ server_version: string }]>`show server_version`;
  if (Number.parseInt(row.server_version, 10) >= oldestVersion) return;
  throw new UserError(
    "database-too-old",
    `DATABASE_URL: expected PostgreSQL ${oldestVersion} or newer, got ${row.server_version}.`,
    "Use a newer server, or leave DATABASE_URL out for the embedded one.",
  );
}

/** Turns what an operator can mend into words; everything else stays as it is. */
function explain(error: unknown): unknown {
  const refused = deepest(error);
  if (refused instanceof postgres.PostgresError) {
    if (refused.code === "42501") {
      return new UserError(
        "database-forbidden",
        `The user of DATABASE_URL may not prepare the database: ${refused.message}.`,
        "It must own the database and have CREATEROLE; where the roles remote_claude_app and remote_claude_system exist already, an administrator runs: GRANT remote_claude_app, remote_claude_system TO <user>.",
        { cause: error },
      );
    }
    if (/^(28...|3D000)$/.test(refused.code)) {
      return new UserError(
        "database-refused",
        `PostgreSQL refused the connection: ${refused.message}.`,
        "Correct the user, password and database name in DATABASE_URL.",
        { cause: error },
      );
    }
  }
  if (isConnectionError(error)) {
    return new UserError(
      "database-unreachable",
      `Expected PostgreSQL at DATABASE_URL, got no connection: ${refused.message}.`,
      "Start it, or correct DATABASE_URL.",
      { cause: error },
    );
  }
  return error;
}

function deepest(error: unknown): Error {
  let found = error instanceof Error ? error : new Error(String(error));
  while (found.cause instanceof Error) found = found.cause;
  return found;
}
