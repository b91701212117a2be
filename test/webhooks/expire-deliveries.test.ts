import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { delivery } from "../../db/schema.ts";
import { expireDeliveries } from "../../src/webhooks/expire-deliveries.ts";
import { silent } from "../queue/start-worker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let home: TestDatabase;

beforeAll(async () => {
  home = await createTestDatabase();
});
afterAll(() => home.close());

test("webhooks go a week after they came in, dead ones after a month, and none that somebody still works on", async () => {
  const { system } = home.database;
  const now = new Date();
  const add = (status: string, days: number, count = 1) =>
    system.execute(sql`
      insert into ${delivery} (id, event, payload, source, status, received_at)
      select ${`${status}-${days}-`} || n, 'push', '\\x00', 'webhook', ${status},
        ${now.toISOString()}::timestamptz - ${days} * interval '1 day'
      from generate_series(1, ${count}::int) n`);
  for (const status of ["stored", "done", "dead", "queued"])
    for (const days of [6, 8, 29, 31]) await add(status, days);
  await add("done", 100, 2_300);

  const expired = await expireDeliveries({ system, clock: { now: () => now }, log: silent });

  const left = await system.select({ id: delivery.id }).from(delivery);
  expect(left.map(({ id }) => id).toSorted()).toEqual(
    [
      ...["stored-6-1", "done-6-1"],
      ...["dead-6-1", "dead-8-1", "dead-29-1"],
      ...["queued-6-1", "queued-8-1", "queued-29-1", "queued-31-1"],
    ].toSorted(),
  );
  expect(expired).toBe(2_300 + 3 + 3 + 1);
});
