import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { inject } from "vitest";
import { openDatabase, type Database } from "../../db/client.ts";
import { withOwner } from "../../db/owner-connection.ts";

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
  const source = sql.identifier(options.empty ? "template0" : template);
  await withOwner(serverUrl, (db) =>
    db.execute(sql`create database ${sql.identifier(name)} template ${source}`),
  );
  const url = new URL(serverUrl);
  url.pathname = name;
  const database = openDatabase({ url: url.href });
  return {
    url: url.href,
    database,
    close: async () => {
      await database.close();
      await withOwner(serverUrl, (db) => db.execute(sql`drop database ${sql.identifier(name)} with (force)`));
    },
  };
}
