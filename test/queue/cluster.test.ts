import { sql } from "drizzle-orm";
import { afterEach, expect, test } from "vitest";
import { installQueue, openQueue, type Queue } from "../../src/queue/queue.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { proxyDatabase } from "../support/tcp-proxy.ts";
import { untilTrue } from "../support/until-true.ts";
import { silent, startWorker } from "./start-worker.ts";

let home: TestDatabase;
const open: { stop(): Promise<unknown> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop()));
  await home.close();
});

function keep<T extends { stop(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

test("several installers at once leave one complete queue", async () => {
  home = await createTestDatabase({ empty: true });
  await Promise.all(Array.from({ length: 4 }, () => installQueue(home.url)));
  await installQueue(home.url);
  keep(await openQueue({ url: home.url, log: silent }));
});

test("a database without the queue is refused with what to do", async () => {
  home = await createTestDatabase();
  await home.database.system.execute(sql`delete from pgboss.queue where name = 'reap'`);
  await expect(openQueue({ url: home.url, log: silent })).rejects.toThrow(
    "reap are missing: run the migrations first",
  );
});

test("a schedule makes one job a minute, however many workers there are", { timeout: 90_000 }, async () => {
  home = await createTestDatabase();
  const runs: number[] = [];
  const sweep = () => {
    runs.push(Date.now());
    return Promise.resolve();
  };
  const workers: Queue[] = [
    keep(await startWorker(home.url, { sweep })),
    keep(await startWorker(home.url, { sweep })),
  ];
  const since = Date.now();
  for (const worker of workers) await worker.schedule("sweep", "* * * * *");
  await untilTrue(() => runs.length > 0, 40_000);
  const passes = async () => {
    const [row] = await home.database.system.execute<{ at: string }>(
      sql`select cron_on as at from pgboss.version`,
    );
    return row?.at;
  };
  const before = await passes();
  await untilTrue(async () => (await passes()) !== before, 20_000);
  const minutesBegun = Math.floor(Date.now() / 60_000) - Math.floor(since / 60_000) + 1;
  expect(runs.length).toBeLessThanOrEqual(minutesBegun);
});

test(
  "a result that the database could not take is not lost: the job runs again",
  { timeout: 60_000 },
  async () => {
    home = await createTestDatabase();
    const { url, proxy } = await proxyDatabase(home.url);
    keep({ stop: () => proxy.close() });
    const sender = keep(await openQueue({ url: home.url, log: silent, mode: "send" }));
    let runs = 0;
    await startWorker(url, {
      intake: () => {
        runs += 1;
        if (runs === 1) proxy.refuse();
        return Promise.resolve();
      },
    }).then(keep);
    await sender.enqueue(home.database.db, "intake", { deliveryId: "once more" });
    await untilTrue(() => runs === 1);
    // The result knocks once, right after the handler; those who look for jobs knock again and again.
    const before = proxy.refused();
    await untilTrue(() => proxy.refused() >= before + 40);
    proxy.restore();
    const state = async () => {
      const rows = await home.database.system.execute<{ state: string }>(
        sql`select state from pgboss.job where name = 'intake'`,
      );
      return rows[0]?.state;
    };
    await untilTrue(async () => (await state()) === "completed", 40_000);
    expect(runs).toBe(2);
  },
);
