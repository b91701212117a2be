import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { inject } from "vitest";
import { openDatabase, type Database } from "../../db/client.ts";

export type TestDatabase = {
  /** Of the owner, who ran the migrations. */
  url: string;
  database: Database;
  /** Closes the database and drops it. */
  close(): Promise<void>;
};

/** A database of its own with the schema and the queue in it; `empty` has neither. */
export async function createTestDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const { serverUrl, prefix, template } = inject("postgres");
  const name = `${prefix}${randomBytes(6).toString("hex")}`;
  await onServer(
    serverUrl,
    (sql) => sql`create database ${sql(name)} template ${sql(options.empty ? "template0" : template)}`,
  );
  const url = new URL(serverUrl);
  url.pathname = name;
  const database = openDatabase({ url: url.href });
  return {
    url: url.href,
    database,
    close: async () => {
      await database.close();
      await onServer(serverUrl, (sql) => sql`drop database ${sql(name)} with (force)`);
    },
  };
}

async function onServer(url: string, run: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1 });
  try {
    await run(sql);
  } finally {
    await sql.end();
  }
}
