import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { isConnectionError, isUniqueViolation, openDatabase, withAccount } from "../../db/client.ts";
import { withOwner } from "../../db/owner-connection.ts";
import { watermark } from "../../db/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startProxy } from "./proxy.ts";
import { seedTenant } from "./seed.ts";

let given: TestDatabase;

beforeAll(async () => {
  given = await createTestDatabase();
});

afterAll(() => given.close());

describe("listen", () => {
  test("hears what a committed transaction says, on its channel only", async () => {
    const heard: string[] = [];
    const stop = await given.database.listen("ours", (payload) => heard.push(payload));
    onTestFinished(stop);
    const { db } = given.database;
    await expect(
      db.transaction(async (tx) => {
        await tx.execute(sql`select pg_notify('ours', 'rolled back')`);
        throw new Error("rolled back");
      }),
    ).rejects.toThrow("rolled back");
    await db.execute(sql`select pg_notify('theirs', 'other')`);
    await given.database.system.execute(sql`select pg_notify('ours', 'said')`);
    await vi.waitFor(() => expect(heard).toEqual(["said"]));
  });

  test("hears again after its connection was cut, and tells that it missed something", async () => {
    const heard: string[] = [];
    const listening = vi.fn();
    const stop = await given.database.listen("cut", (payload) => heard.push(payload), listening);
    onTestFinished(stop);
    expect(listening).toHaveBeenCalledTimes(1);
    await withOwner(given.url, (db) =>
      db.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query = 'listen "cut"'`),
    );
    await vi.waitFor(() => expect(listening).toHaveBeenCalledTimes(2), { timeout: 10_000 });
    await given.database.db.execute(sql`select pg_notify('cut', 'after')`);
    await vi.waitFor(() => expect(heard).toEqual(["after"]));
    await stop();
    await given.database.db.execute(sql`select pg_notify('cut', 'too late')`);
    const witness: string[] = [];
    onTestFinished(await given.database.listen("cut", (payload) => witness.push(payload)));
    await given.database.db.execute(sql`select pg_notify('cut', 'last')`);
    await vi.waitFor(() => expect(witness).toContain("last"));
    expect(heard).toEqual(["after"]);
  });
});

describe("errors", () => {
  test("a taken key is a unique violation and no connection error", async () => {
    await given.database.db.insert(watermark).values({ name: "w", value: "1" });
    const error = await caught(given.database.db.insert(watermark).values({ name: "w", value: "2" }));
    expect(isUniqueViolation(error, "watermark_pkey")).toBe(true);
    expect(isUniqueViolation(error, "task_pkey")).toBe(false);
    expect(isConnectionError(error)).toBe(false);
  });

  test("a port where nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const away = openDatabase({ url: `postgres://u:p@127.0.0.1:${port}/d` });
    onTestFinished(() => away.close());
    const error = await caught(away.db.execute(sql`select 1`));
    expect(isConnectionError(error)).toBe(true);
    expect(isUniqueViolation(error)).toBe(false);
  });

  test("a connection that the server ends in the middle of a transaction, more often than there are connections", async () => {
    for (let times = 0; times < 12; times += 1) {
      const error = await caught(
        given.database.db.transaction(async (tx) => {
          const [mine] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`);
          await withOwner(given.url, (db) =>
            db.execute(sql`select pg_terminate_backend(${mine?.pid}, 5000)`),
          );
          await tx.execute(sql`select 1`);
        }),
      );
      expect(isConnectionError(error)).toBe(true);
    }
    expect(await given.database.db.$count(watermark)).toBeGreaterThanOrEqual(0);
  });

  test("what a transaction was given up for is not hidden by the loss of its connection", async () => {
    const failed = given.database.db.transaction(async (tx) => {
      const [mine] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`);
      await withOwner(given.url, (db) => db.execute(sql`select pg_terminate_backend(${mine?.pid}, 5000)`));
      throw new Error("given up");
    });
    await expect(failed).rejects.toThrow("given up");
  });

  test("a connection that breaks without a word, while the next one is made by itself", async () => {
    const { url, cut } = await startProxy(given.url);
    const behind = openDatabase({ url });
    onTestFinished(() => behind.close());
    await behind.db.execute(sql`select 1`);
    const broken = caught(behind.db.execute(sql`select pg_sleep(60)`));
    await vi.waitFor(async () => expect(await sleeping()).toBe(1));
    cut();
    expect(isConnectionError(await broken)).toBe(true);
    expect([...(await behind.db.execute(sql`select 1 as one`))]).toEqual([{ one: 1 }]);
  });

  test("our own closing, a mistake in a query and anything else are no connection errors", async () => {
    const closed = openDatabase({ url: given.url });
    await closed.db.execute(sql`select 1`);
    await closed.close();
    expect(isConnectionError(await caught(closed.db.execute(sql`select 1`)))).toBe(false);
    expect(isConnectionError(await caught(given.database.db.execute(sql`select nothing`)))).toBe(false);
    for (const other of [new Error("no"), null, "ECONNREFUSED", { code: "ECONNREFUSED" }]) {
      expect(isConnectionError(other)).toBe(false);
      expect(isUniqueViolation(other)).toBe(false);
    }
  });
});

test("withAccount gives back what was computed, and keeps nothing of what failed", async () => {
  const tenant = await seedTenant(given.database.system);
  const seen = await withAccount(given.database.db, tenant.accountId, async (tx) => {
    await tx.insert(watermark).values({ name: "kept", value: "1" });
    return "seen";
  });
  expect(seen).toBe("seen");
  const failed = withAccount(given.database.db, tenant.accountId, async (tx) => {
    await tx.delete(watermark);
    throw new Error("failed");
  });
  await expect(failed).rejects.toThrow("failed");
  expect(await given.database.db.$count(watermark)).toBeGreaterThan(0);
});

test("a url that chooses the role itself is refused", () => {
  const url = `${given.url}?role=postgres`;
  expect(() => openDatabase({ url })).toThrow(/expected no role parameter/);
});

test("a transaction that goes to sleep is ended by the server", async () => {
  for (const db of [given.database.db, given.database.system]) {
    const shown = await db.execute(sql`show idle_in_transaction_session_timeout`);
    expect([...shown]).toEqual([{ idle_in_transaction_session_timeout: "30s" }]);
  }
});

/** How many connections to this database are in pg_sleep. */
async function sleeping(): Promise<number> {
  const [row] = await withOwner(given.url, (db) =>
    db.execute<{ n: number }>(sql`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event = 'PgSleep'`),
  );
  return row?.n ?? 0;
}

async function caught(query: PromiseLike<unknown>): Promise<unknown> {
  try {
    await query;
  } catch (error) {
    return error;
  }
  throw new Error("expected the query to fail");
}
