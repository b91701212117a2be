import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { withOwner } from "../../db/owner-connection.ts";
import { findLatestCheckpoint } from "../../src/sessions/checkpoint-store.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { seedTenant, type Tenant } from "./seed.ts";

/** The database alone, without a condition of ours, keeps two accounts apart; the tables are the catalog's, so that no new one is forgotten. */

let given: TestDatabase;
let mine: Tenant;
let theirs: Tenant;
let tables: { name: string; own: string }[];

/** These belong to no account; test/db/row-level-security.test.ts says who may read them. */
const ofNobody = ["delivery", "rate_bucket", "stripe_event", "watermark"];

beforeAll(async () => {
  given = await createTestDatabase();
  mine = await seedTenant(given.database.system);
  theirs = await seedTenant(given.database.system);
  const found = await withOwner(given.url, (db) =>
    db.execute<{ name: string }>(sql`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`),
  );
  tables = found
    .map(({ name }) => ({ name, own: name === "account" ? "id" : "account_id" }))
    .filter(({ name }) => !ofNobody.includes(name));
  expect(tables.length).toBeGreaterThan(20);
});

afterAll(() => given.close());

/** What each table answers to an account; a refusal is its SQLSTATE. */
async function ask(statement: (table: { name: string; own: string }) => ReturnType<typeof sql>) {
  const answers: Record<string, number | string> = {};
  for (const table of tables) {
    answers[table.name] = await withAccount(given.database.db, mine.accountId, async (tx) => {
      const rows = await tx.execute(statement(table));
      return rows.length;
    }).catch((error: unknown) => (error as { cause?: { code?: string } }).cause?.code ?? String(error));
  }
  return answers;
}

const all = (answer: number | string) => Object.fromEntries(tables.map(({ name }) => [name, answer]));

test("foreign rows of every table: none is read, by whatever is asked for", async () => {
  const foreign = ({ name, own }: { name: string; own: string }) =>
    sql`select 1 from ${sql.identifier(name)} where ${sql.identifier(own)} <> ${mine.accountId}`;
  expect(await ask(foreign)).toEqual(all(0));
  expect(await ask(({ name }) => sql`select 1 from ${sql.identifier(name)}`)).toEqual(all(1));
});

test("foreign rows of every table: none is changed or deleted", async () => {
  const named = ({ name, own }: { name: string; own: string }) =>
    sql`${sql.identifier(name)} where ${sql.identifier(own)} = ${theirs.accountId} returning 1`;
  const untouched = (answers: Record<string, number | string>) =>
    // 42501: this role may not write to the table at all.
    Object.entries(answers).filter(([, answer]) => answer !== 0 && answer !== "42501");
  expect(untouched(await ask((table) => sql`delete from ${named(table)}`))).toEqual([]);
  const change = (table: { name: string; own: string }) => {
    const own = sql.identifier(table.own);
    return sql`update ${sql.identifier(table.name)} set ${own} = ${own} where ${own} = ${theirs.accountId} returning 1`;
  };
  expect(untouched(await ask(change))).toEqual([]);
});

test("a row of every table: none is given away", async () => {
  const give = ({ name, own }: { name: string; own: string }) =>
    sql`update ${sql.identifier(name)} set ${sql.identifier(own)} = ${theirs.accountId} returning 1`;
  // 42501: the policy, or no right at all; 23001: a trigger that was there first.
  const given = Object.entries(await ask(give)).filter(
    ([, answer]) => !["42501", "23001"].includes(String(answer)),
  );
  expect(given).toEqual([]);
});

test("what points from one account's row to another table's names the account as well", async () => {
  const loose = await withOwner(given.url, (db) =>
    db.execute<{ key: string }>(sql`
      select format('%s: %s', k.conrelid::regclass, pg_get_constraintdef(k.oid)) as key
      from pg_constraint k
      where k.contype = 'f' and k.connamespace = 'public'::regnamespace
        -- Repositories and installations have GitHub's ids; a repository that is transferred leaves what was said of it behind.
        and k.confrelid not in ('account'::regclass, 'repository'::regclass, 'installation'::regclass)
        and not exists (
          select from unnest(k.conkey, k.confkey) as pair(ours, named)
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.ours and a.attname = 'account_id'
          join pg_attribute b on b.attrelid = k.confrelid and b.attnum = pair.named and b.attname = 'account_id')
      order by 1`),
  );
  expect(loose.map(({ key }) => key)).toEqual([]);
});

test("by its session's id, the checkpoint of another account is not there", async () => {
  await withAccount(given.database.db, mine.accountId, async (tx) => {
    expect(await findLatestCheckpoint(tx, theirs.sessionId)).toBeNull();
    expect(await findLatestCheckpoint(tx, mine.sessionId)).toMatchObject({ accountId: mine.accountId });
  });
});
