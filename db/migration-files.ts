import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";

export const migrationsFolder = new URL("./migrations/", import.meta.url);

const journal = z.object({
  entries: z.array(z.object({ tag: z.string(), when: z.number().int() })),
});

/** A migration as the program has it; `when` (ms) is how drizzle's ledger knows it, `hash` is over the file's bytes. */
export type MigrationFile = { tag: string; when: number; hash: string };

/** The migrations in the order in which they are run. */
export function readMigrationFiles(): MigrationFile[] {
  return readJournal().map((entry) => ({
    ...entry,
    hash: createHash("sha256").update(readSql(entry.tag, ".sql")).digest("hex"),
  }));
}

export function readJournal(): { tag: string; when: number }[] {
  return journal.parse(JSON.parse(readFileSync(new URL("meta/_journal.json", migrationsFolder), "utf8")))
    .entries;
}

/** The statements that take a migration back. */
export function readDownStatements(tag: string): string[] {
  return readSql(tag, ".down.sql").split("--> statement-breakpoint");
}

function readSql(tag: string, ending: ".sql" | ".down.sql"): string {
  return readFileSync(new URL(`${tag}${ending}`, migrationsFolder), "utf8");
}
