import { readFile, writeFile } from "node:fs/promises";
import { generateDrizzleJson, generateMigration } from "drizzle-kit/api";
import { readJournal, migrationsFolder } from "./migration-files.ts";

/**
 * Drafts the way down of the newest migration (`node db/generate-down.ts`): what drizzle-kit would generate if its
 * snapshots were swapped. Read the draft and add what the migration has by hand; dropped data does not come back.
 */
async function generateDown(): Promise<void> {
  const tags = readJournal().map(({ tag }) => tag);
  const [previous, newest] = [tags.at(-2), tags.at(-1)];
  if (newest === undefined) throw new Error("expected a migration in db/migrations, found none");
  const after: unknown = await readSnapshot(newest);
  const before: unknown = previous === undefined ? generateDrizzleJson({}) : await readSnapshot(previous);
  const statements = await generateMigration(after, before);
  await writeFile(
    new URL(`${newest}.down.sql`, migrationsFolder),
    `${statements.join("\n--> statement-breakpoint\n")}\n`,
    {
      flag: "wx",
    },
  );
}

/** The snapshot's name begins with the same timestamp as the migration's. */
async function readSnapshot(tag: string): Promise<unknown> {
  const name = `meta/${tag.split("_")[0] ?? tag}_snapshot.json`;
  return JSON.parse(await readFile(new URL(name, migrationsFolder), "utf8"));
}

await generateDown();
