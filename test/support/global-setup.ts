import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import type { TestProject } from "vitest/node";
import { migrateUp } from "../../db/migrate.ts";
import { withOwner } from "../../db/owner-connection.ts";
import { startEmbeddedPostgres } from "../../src/embedded-postgres.ts";
import { installQueue } from "../../src/queue/queue.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where databases of this run may be made; `template` is the migrated one to clone. */
    postgres: { serverUrl: string; prefix: string; template: string };
  }
}

/**
 * One PostgreSQL for the whole run: the server of TEST_DATABASE_URL, whose user may create databases and roles, or an
 * embedded one in a temporary folder. Its databases have a random prefix, and only those are dropped at the end.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TEST_DATABASE_URL;
  const server =
    given === undefined || given === "" ? await startServer() : { url: given, stop: () => Promise.resolve() };
  const prefix = `remote_claude_test_${randomBytes(6).toString("hex")}_`;
  const template = `${prefix}template`;
  const dropAndStop = async () => {
    await dropDatabases(server.url, prefix);
    await server.stop();
  };
  try {
    await withOwner(server.url, (db) => db.execute(sql`create database ${sql.identifier(template)}`));
    const url = new URL(server.url);
    url.pathname = template;
    await migrateUp(url.href, { afterUp: installQueue });
  } catch (error) {
    await dropAndStop();
    throw error;
  }
  project.provide("postgres", { serverUrl: server.url, prefix, template });
  return dropAndStop;
}

async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), "remote-claude-test-"));
  // Its data dies with the run, so nothing has to outlive a power failure.
  const settings = {
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    max_connections: "300",
  };
  const server = await startEmbeddedPostgres({ dataDir, settings });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true });
    },
  };
}

async function dropDatabases(serverUrl: string, prefix: string): Promise<void> {
  await withOwner(serverUrl, async (db) => {
    const left = await db.execute<{ name: string }>(
      sql`select datname as name from pg_database where starts_with(datname, ${prefix})`,
    );
    for (const { name } of left)
      await db.execute(sql`drop database if exists ${sql.identifier(name)} with (force)`);
  });
}
