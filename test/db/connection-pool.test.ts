import { drizzle } from "drizzle-orm/node-postgres";
import { sql, type SQL } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { isConnectionError } from "../../db/client.ts";
import {
  ConnectionPool,
  DatabaseAwayError,
  withSettings,
  type PoolOptions,
} from "../../db/connection-pool.ts";
import { maxStatements } from "../../db/name-statement.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startProxy } from "./proxy.ts";

let given: TestDatabase;

beforeAll(async () => {
  given = await createTestDatabase();
});

afterAll(() => given.close());

function openPool(options: Partial<PoolOptions>): ConnectionPool {
  const pool = new ConnectionPool({
    url: given.url,
    max: 1,
    applicationName: "test",
    settings: {},
    idleTimeoutMs: 0,
    queryTimeoutMs: 0,
    ...options,
  });
  onTestFinished(() => pool.close(1_000));
  return pool;
}

describe("one connection", () => {
  test("answers the rows as an array that also knows them by name", async () => {
    const answer = await openPool({}).query({ text: "select $1::int as n" }, [7]);
    expect([...answer]).toEqual([{ n: 7 }]);
    expect(answer.rows).toEqual([{ n: 7 }]);
    expect(answer.rowCount).toBe(1);
  });

  test("takes its queries one after the other, also when they are sent at once", async () => {
    const warnings = vi.fn();
    process.on("warning", warnings);
    onTestFinished(() => void process.off("warning", warnings));
    const connection = await openPool({}).connect();
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    const answers = await Promise.all(numbers.map((n) => connection.query({ text: `select ${n} as n` })));
    connection.release();
    expect(answers.map(([row]) => row?.n)).toEqual(numbers);
    expect(warnings).not.toHaveBeenCalled();
  });

  test("goes on after a query that the server refused", async () => {
    const connection = await openPool({}).connect();
    await expect(connection.query({ text: "select nothing" })).rejects.toMatchObject({ code: "42703" });
    expect([...(await connection.query({ text: "select 1 as n" }))]).toEqual([{ n: 1 }]);
    connection.release();
  });
});

describe("a network that fails", () => {
  test("while nobody uses the connection: the next query finds a new one", async () => {
    const { url, cut } = await startProxy(given.url);
    const onLost = vi.fn();
    const pool = openPool({ url, onLost });
    await pool.query({ text: "select 1" });
    cut();
    await vi.waitFor(() => expect(onLost).toHaveBeenCalled());
    expect([...(await pool.query({ text: "select 1 as n" }))]).toEqual([{ n: 1 }]);
  });

  test("between two queries of a transaction: it is lost, its connection goes back once, the pool is whole", async () => {
    const { url, cut } = await startProxy(given.url);
    const onLost = vi.fn();
    const pool = openPool({ url, onLost });
    const db = drizzle({ client: pool as never });
    const transaction = db.transaction(async (tx) => {
      cut();
      await vi.waitFor(() => expect(onLost).toHaveBeenCalled());
      await tx.execute(sql`select 1`);
    });
    await expect(transaction).rejects.toSatisfy(isConnectionError);
    expect([...(await pool.query({ text: "select 1 as n" }))]).toEqual([{ n: 1 }]);
  });

  test("by falling silent: the query is given up in time and its connection is not used again", async () => {
    const { url, mute } = await startProxy(given.url);
    const pool = openPool({ url, queryTimeoutMs: 300 });
    await pool.query({ text: "select 1" });
    mute(true);
    await expect(pool.query({ text: "select 1" })).rejects.toBeInstanceOf(DatabaseAwayError);
    mute(false);
    expect([...(await pool.query({ text: "select 1 as n" }))]).toEqual([{ n: 1 }]);
  });

  test("at the first word of a transaction: nothing leaks", async () => {
    const { url, mute } = await startProxy(given.url);
    const pool = openPool({ url, queryTimeoutMs: 200 });
    const db = drizzle({ client: pool as never });
    for (let times = 0; times < 3; times += 1) {
      await pool.query({ text: "select 1" });
      mute(true);
      const ask = db.transaction((tx) => tx.execute(sql`select 1`));
      await expect(ask).rejects.toSatisfy(isConnectionError);
      mute(false);
    }
    expect([...(await pool.query({ text: "select 1 as n" }))]).toEqual([{ n: 1 }]);
  });
});

test("a transaction that cannot begin gives its connection back", async () => {
  const pool = openPool({});
  const db = drizzle({ client: pool as never });
  for (let times = 0; times < 3; times += 1) {
    const ask = db.transaction((tx) => tx.execute(sql`select 1`), { isolationLevel: "no" as never });
    await expect(ask).rejects.toMatchObject({ cause: { code: "42601" } });
  }
  expect([...(await pool.query({ text: "select 1 as n" }))]).toEqual([{ n: 1 }]);
});

test("a transaction begins with its first statement, with and without parameters, and not at all without one", async () => {
  const { system } = given.database;
  const bound = sql`select txid_current()::text as id, ${"x"}::text as given`;
  const plain = sql.raw("select txid_current()::text as id");
  const both = (one: SQL, other: SQL) =>
    system.transaction(async (tx) =>
      [await tx.execute<{ id: string }>(one), await tx.execute<{ id: string }>(other)].map(
        ([row]) => row?.id,
      ),
    );
  const ids = [await both(plain, bound), await both(bound, plain)];
  expect(ids.map(([first, second]) => first === second)).toEqual([true, true]);
  expect(new Set(ids.flat()).size).toBe(2);
  await expect(system.transaction(() => Promise.resolve("nothing asked"))).resolves.toBe("nothing asked");
  await expect(system.transaction(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
});

describe("a statement with values", () => {
  const planned = "select count(*)::int as n from pg_prepared_statements where name <> ''";

  test("is read once a connection, however often it is asked, also side by side", async () => {
    const pool = openPool({});
    const ask = (n: number) => pool.query({ text: "select $1::int as n" }, [n]);
    for (const n of [1, 2, 3]) expect([...(await ask(n))]).toEqual([{ n }]);
    const connection = await pool.connect();
    const answers = await Promise.all(
      [4, 5].map((n) => connection.query({ text: "select $1::int + 1 as n" }, [n])),
    );
    connection.release();
    expect(answers.map(([row]) => row?.n)).toEqual([5, 6]);
    expect([...(await pool.query({ text: planned }))]).toEqual([{ n: 2 }]);
  });

  test("of which there are very many fills no memory", async () => {
    const connection = await openPool({}).connect();
    const texts = Array.from({ length: maxStatements + 20 }, (_, n) => `select $1::int + ${n} as n`);
    const answers = await Promise.all(texts.map((text) => connection.query({ text }, [1])));
    expect(answers.map(([row]) => row?.n)).toEqual(texts.map((_, n) => n + 1));
    expect([...(await connection.query({ text: planned }))]).toEqual([{ n: maxStatements }]);
    connection.release();
  });

  test("whose table a migration changed fails once, and is right on the next connection", async () => {
    const [pool, migration] = [openPool({}), openPool({})];
    await migration.query({ text: "create table counted (n int)" });
    await migration.query({ text: "insert into counted values (1)" });
    const ask = () => pool.query({ text: "select n from counted where n > $1" }, [0]);
    expect([...(await ask())]).toEqual([{ n: 1 }]);
    await migration.query({ text: "alter table counted alter n type bigint" });
    await expect(ask()).rejects.toThrow("cached plan must not change result type");
    expect([...(await ask())]).toEqual([{ n: "1" }]);
  });

  test("that the server refused is told by its own error each time", async () => {
    const connection = await openPool({}).connect();
    const ask = () => connection.query({ text: "select nothing where $1::int = 1" }, [1]);
    for (let time = 0; time < 2; time += 1) await expect(ask()).rejects.toMatchObject({ code: "42703" });
    expect([...(await connection.query({ text: "select $1::int as n" }, [1]))]).toEqual([{ n: 1 }]);
    connection.release();
  });
});

test("a closed pool says that this program closed it", async () => {
  const pool = openPool({});
  await pool.query({ text: "select 1" });
  await pool.close(1_000);
  await expect(pool.query({ text: "select 1" })).rejects.toThrow("this program had closed it");
});

describe("settings", () => {
  test("win over nothing that the url says, and are added to it", () => {
    const url = withSettings("postgres://u:p%40@h:1/d?options=-c%20a%3D1&sslmode=disable", {
      role: "r",
      b: "2s",
    });
    const parsed = new URL(url);
    expect(parsed.searchParams.get("options")).toBe("-c a=1 -c role=r -c b=2s");
    expect(parsed.searchParams.get("sslmode")).toBe("disable");
    expect(parsed.password).toBe("p%40");
    expect(withSettings("postgres://u@h/d", {})).toBe("postgres://u@h/d");
  });

  test("reach the server, and the role cannot be chosen by the url's options", async () => {
    const url = `${given.url}?options=${encodeURIComponent("-c role=remote_claude_system -c work_mem=2MB")}`;
    const answer = await openPool({ url, settings: { role: "remote_claude_app" } }).query({
      text: "select current_user as role, current_setting('work_mem') as memory",
    });
    expect([...answer]).toEqual([{ role: "remote_claude_app", memory: "2MB" }]);
  });
});
