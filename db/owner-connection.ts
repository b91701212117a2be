import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import type { PgDatabase } from "drizzle-orm/pg-core";
import { UserError } from "../src/errors.ts";
import { isConnectionError, type RowsResult } from "./client.ts";
import { ConnectionPool } from "./connection-pool.ts";

const oldestVersion = 15;
const insufficientPrivilege = "42501";
const wrongLoginOrDatabase = /^(28...|3D000)$/;

/** The database as its owner sees it. */
export type Owner = PgDatabase<RowsResult>;

/**
 * One connection as the user of the URL, who owns the schema; closed at the end. Throws a UserError when there is no
 * server, when it is too old, or when the user may not do what the migrations need.
 */
export async function withOwner<T>(url: string, run: (db: Owner) => Promise<T>): Promise<T> {
  // Nothing limits it: a migration may take its time, and the lock that it holds ends with its connection.
  const pool = new ConnectionPool({
    url,
    max: 1,
    applicationName: "remote-claude migrate",
    settings: {},
    idleTimeoutMs: 0,
    queryTimeoutMs: 0,
  });
  const db = drizzle({ client: pool as never }) as unknown as Owner;
  try {
    await requireVersion(db);
    return await run(db);
  } catch (error) {
    throw explain(error);
  } finally {
    await pool.close(5_000);
  }
}

async function requireVersion(db: Owner): Promise<void> {
  const [row] = await db.execute<{ server_version: string }>(sql`show server_version`);
  const version = row?.server_version ?? "none";
  if (Number.parseInt(version, 10) >= oldestVersion) return;
  throw new UserError(
    "database-too-old",
    `DATABASE_URL: expected PostgreSQL ${oldestVersion} or newer, got ${version}.`,
    "Use a newer server, or leave DATABASE_URL out for the embedded one.",
  );
}

/** Turns what an operator can mend into words; everything else stays as it is. */
function explain(error: unknown): unknown {
  const refused = deepest(error);
  const code = "code" in refused && typeof refused.code === "string" ? refused.code : "";
  if (code === insufficientPrivilege) {
    return new UserError(
      "database-forbidden",
      `The user of DATABASE_URL may not prepare the database: ${refused.message}.`,
      "It must own the database and have CREATEROLE; where the roles remote_claude_app and remote_claude_system exist already, an administrator runs: GRANT remote_claude_app, remote_claude_system TO <user>.",
      { cause: error },
    );
  }
  if (wrongLoginOrDatabase.test(code)) {
    return new UserError(
      "database-refused",
      `PostgreSQL refused the connection: ${refused.message}.`,
      "Correct the user, password and database name in DATABASE_URL.",
      { cause: error },
    );
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
