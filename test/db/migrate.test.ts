import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { sql } from "drizzle-orm";
import { generateDrizzleJson, generateMigration } from "drizzle-kit/api";
import { describe, expect, onTestFinished, test } from "vitest";
import { grantQueue, migrateDown, migrateUp, migrationStatus } from "../../db/migrate.ts";
import { migrationsFolder, readJournal } from "../../db/migration-files.ts";
import { withOwner } from "../../db/owner-connection.ts";
import * as schema from "../../db/schema.ts";
import { startEmbeddedPostgres } from "../../src/embedded-postgres.ts";
import { installQueue } from "../../src/queue/queue.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { readCatalog } from "./catalog.ts";
import { seedTenant } from "./seed.ts";

const tags = readJournal().map(({ tag }) => tag);
const ledger = sql.raw("drizzle.__drizzle_migrations");
const program = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

describe("up and down", () => {
  test("up → down → up on a populated database makes the same schema again", async () => {
    const given = await databaseOfThisTest();
    await seedTenant(given.database.system);
    const first = await readCatalog(given.url);
    expect(first.filter((line) => line.startsWith("policy ")).length).toBeGreaterThan(10);
    expect(await migrateDown(given.url, { steps: tags.length })).toEqual({ reverted: tags.toReversed() });
    expect(await readCatalog(given.url)).toEqual(
      first.filter((line) => /^schema grant to (?!remote)/.test(line)),
    );
    expect(await migrationStatus(given.url)).toEqual({ applied: [], pending: tags, drift: [] });
    expect(await migrateUp(given.url)).toEqual({ applied: tags });
    expect(await readCatalog(given.url)).toEqual(first);
    await seedTenant(given.database.system);
  });

  test("any number of steps down is undone by the way up", async () => {
    const given = await databaseOfThisTest();
    await seedTenant(given.database.system);
    const whole = await readCatalog(given.url);
    for (let steps = 1; steps <= tags.length; steps++) {
      expect(await migrateDown(given.url, { steps })).toEqual({
        reverted: tags.toReversed().slice(0, steps),
      });
      expect(await readCatalog(given.url)).not.toEqual(whole);
      await migrateUp(given.url);
      expect(await readCatalog(given.url)).toEqual(whole);
    }
    expect(await migrateDown(given.url, { steps: tags.length + 1 })).toEqual({ reverted: tags.toReversed() });
  });

  test("every migration has its way down", () => {
    const missing = tags.filter((tag) => !existsSync(new URL(`${tag}.down.sql`, migrationsFolder)));
    expect(missing).toEqual([]);
  });

  test("schema.ts holds nothing that no migration makes", async () => {
    const newest = new URL(`meta/${tags.at(-1)?.split("_")[0] ?? ""}_snapshot.json`, migrationsFolder);
    const snapshot: unknown = JSON.parse(await readFile(newest, "utf8"));
    expect(await generateMigration(snapshot, generateDrizzleJson(schema))).toEqual([]);
  });
});

describe("several at once", { timeout: 60_000 }, () => {
  test("six migrators of one empty database all succeed, and one of them does the work", async () => {
    const given = await databaseOfThisTest({ empty: true });
    const starts = Array.from({ length: 6 }, () => migrateUp(given.url, { afterUp: installQueue }));
    const applied = (await Promise.all(starts)).map((result) => result.applied.length);
    expect(applied.toSorted()).toEqual([0, 0, 0, 0, 0, tags.length]);
    await seedTenant(given.database.system);
  });

  test(
    "six starts on a new server, as a user who may only make roles and databases",
    { timeout: 60_000 },
    async () => {
      const dataDir = await mkdtemp(join(tmpdir(), "remote-claude-migrate-"));
      const server = await startEmbeddedPostgres({ dataDir });
      onTestFinished(async () => {
        await server.stop();
        await rm(dataDir, { recursive: true });
      });
      await withOwner(server.url, (db) =>
        db.execute(sql`create role hoster login createrole createdb password 'secret'`),
      );
      const urls = ["one", "two"].map(
        (name) => new URL(`/${name}`, server.url.replace(/\/\/[^@]+@/, "//hoster:secret@")).href,
      );
      for (const name of ["one", "two"]) {
        await withOwner(server.url, (db) => db.execute(sql.raw(`create database ${name} owner hoster`)));
      }
      await Promise.all([...urls, ...urls, ...urls].map((url) => migrateUp(url, { afterUp: installQueue })));
      for (const url of urls) {
        expect(
          await roleSees(url, "remote_claude_app", "select count(*)::int as n from public.task"),
        ).toEqual([{ n: 0 }]);
        expect(
          await roleSees(url, "remote_claude_system", "select count(*)::int as n from pgboss.job"),
        ).toEqual([{ n: 0 }]);
      }
    },
  );
});

describe("drift stops everything", () => {
  test("a migration that was changed after it had run", async () => {
    const given = await databaseOfThisTest();
    await withOwner(given.url, (db) => db.execute(sql`update ${ledger} set hash = 'other'`));
    await expectDrift(given.url, `${tags.at(-1) ?? ""} was changed after it had been run here`);
  });

  test("a migration that came late would be skipped for ever", async () => {
    const given = await databaseOfThisTest();
    await withOwner(given.url, (db) =>
      db.execute(sql`update ${ledger} set created_at = created_at + 86400000`),
    );
    await expectDrift(given.url, `${tags[0] ?? ""} was never run, but a newer one was`);
  });

  test("a database of a newer release", async () => {
    const given = await databaseOfThisTest();
    const future = Date.UTC(2100, 0, 1);
    await withOwner(given.url, (db) =>
      db.execute(sql`insert into ${ledger} (hash, created_at) values ('x', ${future})`),
    );
    await expectDrift(given.url, "a migration of 2100-01-01T00:00:00.000Z that this release does not know");
  });
});

describe("the queue's schema", () => {
  test("may be used by both roles, also what its owner adds later, again and again at once", async () => {
    const given = await databaseOfThisTest();
    await withOwner(given.url, (db) => db.execute(sql`create table pgboss.added (n bigserial)`));
    await Promise.all(Array.from({ length: 4 }, () => grantQueue(given.url)));
    for (const role of ["remote_claude_app", "remote_claude_system"]) {
      expect(
        await roleSees(given.url, role, "insert into pgboss.added default values returning n::int"),
      ).toHaveLength(1);
      const closed = `select relname from pg_class where relnamespace = 'pgboss'::regnamespace and relkind in ('r', 'p')
        and not has_table_privilege(oid, 'select, insert, update, delete')`;
      expect(await roleSees(given.url, role, closed)).toEqual([]);
    }
  });

  test("is not missed where there is none", async () => {
    const given = await databaseOfThisTest({ empty: true });
    await migrateUp(given.url);
    await grantQueue(given.url);
  });
});

describe("what an operator can mend is said", () => {
  test("no server", async () => {
    await expect(migrateUp("postgres://nobody:x@127.0.0.1:1/none")).rejects.toMatchObject({
      code: "database-unreachable",
    });
  });

  test("no such database, without the password in the words", async () => {
    const given = await databaseOfThisTest();
    const url = given.url.replace(/[^/]+$/, "no_such_database");
    await expect(migrationStatus(url)).rejects.toMatchObject({
      code: "database-refused",
      message: 'PostgreSQL refused the connection: database "no_such_database" does not exist.',
    });
  });

  test("a user who may not make roles", { timeout: 60_000 }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "remote-claude-migrate-"));
    const server = await startEmbeddedPostgres({ dataDir });
    onTestFinished(async () => {
      await server.stop();
      await rm(dataDir, { recursive: true });
    });
    await withOwner(server.url, (db) => db.execute(sql`create role plain login password 'secret'`));
    await withOwner(server.url, (db) => db.execute(sql`create database plain owner plain`));
    const url = new URL("/plain", server.url.replace(/\/\/[^@]+@/, "//plain:secret@")).href;
    await expect(migrateUp(url)).rejects.toMatchObject({
      code: "database-forbidden",
      remedy: expect.stringContaining("CREATEROLE") as string,
    });
    expect(await migrationStatus(url)).toMatchObject({ applied: [] });
  });
});

describe("remote-claude migrate", { timeout: 60_000 }, () => {
  test("tells what it did, up, down and again", async () => {
    const given = await databaseOfThisTest();
    const newest = tags.at(-1) ?? "";
    expect(await command({ DATABASE_URL: given.url }, "status")).toEqual({
      code: 0,
      said: `Applied:\n${tags.map((tag) => `  ${tag}\n`).join("")}Pending:\n  none\nWrong:\n  none\n`,
    });
    expect(await command({ DATABASE_URL: given.url }, "down", "--yes")).toEqual({
      code: 0,
      said: `Took back:\n  ${newest}\n`,
    });
    expect(await command({ DATABASE_URL: given.url }, "up")).toEqual({
      code: 0,
      said: `Applied:\n  ${newest}\n`,
    });
    expect(await command({ DATABASE_URL: given.url }, "up")).toEqual({
      code: 0,
      said: "The database is up to date.\n",
    });
  });

  test(
    "joins the embedded PostgreSQL of a running bot, and says when there is none",
    { timeout: 60_000 },
    async () => {
      const dataDir = await mkdtemp(join(tmpdir(), "remote-claude-migrate-"));
      onTestFinished(() => rm(dataDir, { recursive: true }));
      const server = await startEmbeddedPostgres({ dataDir });
      const { code, said } = await command({ DATA_DIR: dataDir }, "up");
      await server.stop();
      expect({ code, said }).toEqual({
        code: 0,
        said: `Applied:\n${tags.map((tag) => `  ${tag}\n`).join("")}`,
      });
      const alone = await command({ DATA_DIR: dataDir }, "status");
      expect(alone.code).toBe(1);
      expect(alone.said).toContain(`no bot runs a PostgreSQL in DATA_DIR ${dataDir}`);
    },
  );

  test("tells of drift by its exit code", async () => {
    const given = await databaseOfThisTest();
    await withOwner(given.url, (db) => db.execute(sql`update ${ledger} set hash = 'other'`));
    const { code, said } = await command({ DATABASE_URL: given.url }, "status");
    expect(code).toBe(1);
    expect(said).toContain("Wrong:\n  ");
    const up = await command({ DATABASE_URL: given.url }, "up");
    expect(up.code).toBe(1);
    expect(up.said).toContain("needs its original file");
  });

  test.each([
    [["sideways"], 2],
    [["down", "all"], 2],
    [["down"], 1],
  ])("refuses %j", async (args, expected) => {
    const { code, said } = await command({}, ...args);
    expect(code).toBe(expected);
    expect(said).toMatch(/--help|whole number|--yes/);
  });
});

async function databaseOfThisTest(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const given = await createTestDatabase(options);
  onTestFinished(() => given.close());
  return given;
}

async function expectDrift(url: string, sentence: string): Promise<void> {
  const refused = { code: "migration-drift", message: expect.stringContaining(sentence) as string };
  await expect(migrateUp(url)).rejects.toMatchObject(refused);
  await expect(migrateDown(url, { steps: 1 })).rejects.toMatchObject(refused);
  expect((await migrationStatus(url)).drift.join("\n")).toContain(sentence);
}

async function roleSees(url: string, role: string, statement: string): Promise<unknown[]> {
  return withOwner(url, (db) =>
    db.transaction(async (tx) => {
      await tx.execute(sql.raw(`set local role ${role}`));
      return [...(await tx.execute(sql.raw(statement)))];
    }),
  );
}

async function command(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; said: string }> {
  const ended = promisify(execFile)(process.execPath, [program, "migrate", ...args], {
    env: { PATH: process.env.PATH, ...env },
  });
  try {
    const { stdout } = await ended;
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}
