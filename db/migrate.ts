import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { UserError } from "../src/errors.ts";
import {
  migrationsFolder,
  readDownStatements,
  readMigrationFiles,
  type MigrationFile,
} from "./migration-files.ts";
import { withOwner, type Owner } from "./owner-connection.ts";

export type MigrationStatus = {
  applied: string[];
  pending: string[];
  /** One sentence for each way in which the database and the files disagree; nothing may run then. */
  drift: string[];
};

/**
 * Brings the schema up to this program's release; several may do it at once. `afterUp` (the queue's own schema) runs
 * under the same lock, after which both roles may use what it made. Throws a UserError `migration-drift` when
 * the database has other migrations than the files say.
 */
export async function migrateUp(
  url: string,
  options: { afterUp?: (url: string) => Promise<void> } = {},
): Promise<{ applied: string[] }> {
  return withLock(url, async (db) => {
    const { pending } = refuseDrift(await readStatus(db));
    await migrate(db as never, { migrationsFolder: fileURLToPath(migrationsFolder) });
    if (options.afterUp !== undefined) await options.afterUp(url);
    await grantQueueTo(db);
    return { applied: pending };
  });
}

/** Takes back the newest `steps` migrations, each in a transaction of its own. What they had stored is gone. */
export async function migrateDown(url: string, options: { steps: number }): Promise<{ reverted: string[] }> {
  return withLock(url, async (db) => {
    const { applied } = refuseDrift(await readStatus(db));
    const files = new Map(readMigrationFiles().map((file) => [file.tag, file]));
    const reverted = applied.toReversed().slice(0, options.steps);
    for (const tag of reverted) {
      await db.transaction(async (tx) => {
        for (const statement of readDownStatements(tag)) await tx.execute(sql.raw(statement));
        await tx.execute(
          sql`delete from drizzle.__drizzle_migrations where created_at = ${files.get(tag)?.when}`,
        );
      });
    }
    return { reverted };
  });
}

/** Compares the database with the files and changes nothing. */
export async function migrationStatus(url: string): Promise<MigrationStatus> {
  return withOwner(url, readStatus);
}

/** Lets both roles use the queue's schema, where there is one, and what its owner adds to it later. */
export async function grantQueue(url: string): Promise<void> {
  await withOwner(url, grantQueueTo);
}

async function withLock<T>(url: string, run: (db: Owner) => Promise<T>): Promise<T> {
  return withOwner(url, async (db) => {
    // Held by the connection, so that it is free as soon as a killed migrator's connection is gone.
    await db.execute(sql`select pg_advisory_lock(hashtext('remote_claude_migrate'))`);
    return run(db);
  });
}

async function grantQueueTo(db: Owner): Promise<void> {
  const roles = sql.raw("remote_claude_app, remote_claude_system");
  await db.transaction(async (tx) => {
    // Two grants on one object at once end in "tuple concurrently updated".
    await tx.execute(sql`select pg_advisory_xact_lock(hashtext('remote_claude_grant_queue'))`);
    const found = await tx.execute(sql`select from pg_namespace where nspname = 'pgboss'`);
    if (found.length === 0) return;
    await tx.execute(sql`grant usage on schema pgboss to ${roles}`);
    for (const kind of [sql`tables`, sql`sequences`, sql`functions`]) {
      await tx.execute(sql`grant all on all ${kind} in schema pgboss to ${roles}`);
      await tx.execute(sql`alter default privileges in schema pgboss grant all on ${kind} to ${roles}`);
    }
  });
}

async function readStatus(db: Owner): Promise<MigrationStatus> {
  const files = readMigrationFiles();
  const ledger = await readLedger(db);
  const newest = Math.max(-Infinity, ...ledger.map(({ when }) => when));
  const byWhen = new Map(ledger.map((row) => [row.when, row]));
  const known = new Set(files.map(({ when }) => when));
  const missing = files.filter(({ when }) => !byWhen.has(when));
  return {
    applied: files.filter(({ when }) => byWhen.has(when)).map(({ tag }) => tag),
    pending: missing.filter(({ when }) => when > newest).map(({ tag }) => tag),
    drift: [
      ...missing
        .filter(({ when }) => when < newest)
        .map(({ tag }) => `${tag} was never run, but a newer one was: it would be skipped`),
      ...files
        .filter(({ when, hash }) => (byWhen.get(when)?.hash ?? hash) !== hash)
        .map(({ tag }) => `${tag} was changed after it had been run here`),
      ...ledger
        .filter(({ when }) => !known.has(when))
        .map(
          ({ when }) =>
            `the database has a migration of ${new Date(when).toISOString()} that this release does not know`,
        ),
    ],
  };
}

async function readLedger(db: Owner): Promise<Pick<MigrationFile, "when" | "hash">[]> {
  const [table] = await db.execute<{ exists: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as exists`,
  );
  if (table?.exists !== true) return [];
  const rows = await db.execute<{ hash: string; created_at: string }>(
    sql`select hash, created_at from drizzle.__drizzle_migrations order by created_at`,
  );
  return rows.map(({ hash, created_at }) => ({ hash, when: Number(created_at) }));
}

function refuseDrift(status: MigrationStatus): MigrationStatus {
  if (status.drift.length === 0) return status;
  throw new UserError(
    "migration-drift",
    `The database does not match this release's migrations:\n${status.drift.map((line) => `  - ${line}`).join("\n")}`,
    "Run the release that made the database, or a newer one; a migration that was changed or came late needs its original file and a new one after it.",
  );
}
