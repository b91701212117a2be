import { sql } from "drizzle-orm";
import { withOwner } from "../../db/owner-connection.ts";
import type { Finding } from "./secret-scan.ts";

/** Every row of every table, the queue's too, as text; binary columns as bytes as well. */
export async function readDatabase(url: string): Promise<Finding[]> {
  return withOwner(url, async (db) => {
    const tables = await db.execute<{ schema: string; name: string }>(
      sql`select table_schema as schema, table_name as name from information_schema.tables
        where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const findings: Finding[] = [];
    for (const { schema, name } of tables) {
      const table = sql`${sql.identifier(schema)}.${sql.identifier(name)}`;
      const rows = await db.execute<{ row: string }>(sql`select to_jsonb(t)::text as row from ${table} t`);
      for (const { row } of rows) {
        const place = `database ${schema}.${name}`;
        findings.push({ place, bytes: Buffer.from(row) });
        for (const [, hex = ""] of row.matchAll(/"\\\\x((?:[0-9a-f]{2})+)"/g))
          findings.push({ place, bytes: Buffer.from(hex, "hex") });
      }
    }
    return findings;
  });
}
