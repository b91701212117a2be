import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { withOwner } from "../../db/owner-connection.ts";
import type { Bot } from "../../bench/bot/open-bot.ts";

/** PostgreSQL's processes, the first of them first. */
export async function processesOf({ database }: Pick<Bot, "database">): Promise<[number, ...number[]]> {
  return withOwner(database.url, async (db) => {
    const [found] = await db.execute<{ directory: string; pids: number[] }>(
      sql`select current_setting('data_directory') as directory, array_agg(pid) as pids from pg_stat_activity where pid <> pg_backend_pid()`,
    );
    if (found === undefined) throw new Error("expected PostgreSQL to name its processes");
    const [postmaster] = (await readFile(join(found.directory, "postmaster.pid"), "utf8")).split("\n");
    return [Number(postmaster), ...found.pids];
  });
}

/** One that has ended meanwhile is none of PostgreSQL's any more. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
