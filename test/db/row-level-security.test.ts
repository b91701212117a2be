import { eq, getTableName, is, sql } from "drizzle-orm";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uuidv7 } from "uuidv7";
import { withAccount } from "../../db/client.ts";
import { withOwner } from "../../db/owner-connection.ts";
import * as schema from "../../db/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { newSession, seedTenant, type Tenant } from "./seed.ts";

const { session, step, task } = schema;

const tenantTables: PgTable[] = [];
for (const exported of Object.values(schema)) {
  if (is(exported, PgTable) && getTableConfig(exported).policies.length > 0) tenantTables.push(exported);
}
const denied = { cause: expect.objectContaining({ code: "42501" }) as unknown };

let given: TestDatabase;
let mine: Tenant;
let theirs: Tenant;

beforeAll(async () => {
  given = await createTestDatabase();
  mine = await seedTenant(given.database.system);
  theirs = await seedTenant(given.database.system);
});

afterAll(() => given.close());

describe.each(tenantTables.map((table) => [getTableName(table), table] as const))("%s", (_name, table) => {
  test("is empty for whoever names no account", async () => {
    expect(await given.database.db.$count(table)).toBe(0);
  });

  test("shows an account its own row and no other, without any condition in the query", async () => {
    const rows = await withAccount(given.database.db, mine.accountId, (tx) => tx.select().from(table));
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).toContain(mine.accountId);
    expect(JSON.stringify(rows)).not.toContain(theirs.accountId);
  });

  test("is whole for the system role", async () => {
    expect(await given.database.system.$count(table)).toBe(2);
  });
});

describe("an account", () => {
  test("cannot write a row for another one", async () => {
    const foreign = { ...newSession(theirs), id: uuidv7(), issueNumber: 2, branch: "claude/2-foreign" };
    const insert = withAccount(given.database.db, mine.accountId, (tx) => tx.insert(session).values(foreign));
    await expect(insert).rejects.toMatchObject(denied);
  });

  test("cannot give its row to another one", async () => {
    const give = withAccount(given.database.db, mine.accountId, (tx) =>
      tx.update(session).set({ accountId: theirs.accountId }),
    );
    await expect(give).rejects.toMatchObject(denied);
  });

  test("changes and deletes nothing of another one", async () => {
    const [changed, deleted] = await withAccount(given.database.db, mine.accountId, async (tx) => [
      await tx.update(task).set({ instruction: "mine now" }).where(eq(task.id, theirs.taskId)).returning(),
      await tx.delete(step).where(eq(step.taskId, theirs.taskId)).returning(),
    ]);
    expect([changed, deleted]).toEqual([[], []]);
    const [untouched] = await given.database.system.select().from(task).where(eq(task.id, theirs.taskId));
    expect(untouched?.instruction).toBe("fix it");
  });

  test("cannot hang a row of its own onto another one's task or session", async () => {
    const hang = withAccount(given.database.db, mine.accountId, (tx) =>
      tx
        .insert(step)
        .values({ taskId: theirs.taskId, accountId: mine.accountId, name: "x", fence: 1, status: "started" }),
    );
    await expect(hang).rejects.toMatchObject({ cause: { code: "23503" } });
    const move = withAccount(given.database.db, mine.accountId, (tx) =>
      tx.update(task).set({ sessionId: theirs.sessionId }).where(eq(task.id, mine.taskId)),
    );
    await expect(move).rejects.toMatchObject({ cause: { code: "23503" } });
  });

  test("is forgotten at the end of its transaction, kept or rolled back", async () => {
    for (const fails of [false, true]) {
      const left = withAccount(given.database.db, mine.accountId, async (tx) => {
        expect(await tx.$count(task)).toBe(1);
        if (fails) throw new Error("rolled back");
      });
      if (fails) await expect(left).rejects.toThrow("rolled back");
      else await left;
      // As many at once as there are connections, so that the one of before is among them.
      const counts = await Promise.all(Array.from({ length: 20 }, () => given.database.db.$count(task)));
      expect(new Set(counts)).toEqual(new Set([0]));
    }
  });

  test("that is no UUID sees an error and not everything", async () => {
    const see = withAccount(given.database.db, "everyone", (tx) => tx.$count(task));
    await expect(see).rejects.toThrow("expected an account's id");
  });
});

describe("the roles", () => {
  test("have no power over the server and own nothing", async () => {
    const roles = await given.database.db.execute(sql`
      select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin,
        (select count(*)::int from pg_class where relowner = r.oid) as owned
      from pg_roles r where rolname like 'remote\_claude\_%' and not rolcanlogin order by rolname`);
    const powerless = {
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolreplication: false,
      rolcanlogin: false,
      owned: 0,
    };
    expect([...roles]).toEqual([
      { rolname: "remote_claude_app", ...powerless },
      { rolname: "remote_claude_system", ...powerless },
    ]);
  });

  test("run every query of the two pools", async () => {
    const { db, system } = given.database;
    expect([...(await db.execute(sql`select current_user as role`))]).toEqual([
      { role: "remote_claude_app" },
    ]);
    expect([...(await system.execute(sql`select current_user as role`))]).toEqual([
      { role: "remote_claude_system" },
    ]);
  });

  test.each([
    "alter table task disable row level security",
    "drop policy task_account on task",
    "truncate task cascade",
    "create table mine (n int)",
    "drop trigger usage_append_only on usage",
    "update usage set price_micro_usd = 0",
    "delete from usage",
  ])("may not: %s", async (statement) => {
    for (const db of [given.database.db, given.database.system]) {
      await expect(db.execute(sql.raw(statement))).rejects.toMatchObject(denied);
    }
  });
});

test("no table is outside: each has row-level security, or is one of the four that belong to no account", async () => {
  const tables = await withOwner(given.url, (db) =>
    db.execute<{ name: string; secured: boolean; policies: string[] }>(sql`
      select c.relname as name, c.relrowsecurity as secured,
        array(select polname::text from pg_policy where polrelid = c.oid order by polname) as policies
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`),
  );
  const open = tables.filter(({ secured }) => !secured).map(({ name }) => name);
  expect(open).toEqual(["delivery", "rate_bucket", "stripe_event", "watermark"]);
  expect(tables.filter(({ secured }) => secured).map(({ name }) => name)).toEqual(
    tenantTables.map((table) => getTableName(table)).toSorted(),
  );
  for (const { name, policies } of tables.filter(({ secured }) => secured)) {
    expect(policies).toEqual([`${name}_account`, `${name}_system`]);
  }
});

test("both roles read and write what belongs to no account", async () => {
  for (const db of [given.database.db, given.database.system]) {
    await db.transaction(async (tx) => {
      await tx.insert(schema.watermark).values({ name: "w", value: "1" });
      await tx.insert(schema.rateBucket).values({ installationId: 1, tokens: 1, refilledAt: new Date() });
      await tx.update(schema.watermark).set({ value: "2" });
      await tx.delete(schema.rateBucket);
      await tx.delete(schema.watermark);
    });
  }
});

test("deliveries, which hold every tenant's words, are the system role's alone", async () => {
  await given.database.system
    .insert(schema.delivery)
    .values({ id: "d", event: "ping", payload: Buffer.from("x"), source: "webhook", status: "stored" });
  expect(await given.database.system.$count(schema.delivery)).toBe(1);
  await expect(given.database.db.select().from(schema.delivery)).rejects.toMatchObject(denied);
  await expect(given.database.db.delete(schema.delivery)).rejects.toMatchObject(denied);
});

test("so are the events of Stripe, which hold every payer's", async () => {
  const event = { id: "evt_1", type: "invoice.paid", livemode: false, payload: Buffer.from("{}") };
  await given.database.system.insert(schema.stripeEvent).values(event);
  expect(await given.database.system.$count(schema.stripeEvent)).toBe(1);
  await expect(given.database.db.select().from(schema.stripeEvent)).rejects.toMatchObject(denied);
  await expect(given.database.db.insert(schema.stripeEvent).values(event)).rejects.toMatchObject(denied);
});
