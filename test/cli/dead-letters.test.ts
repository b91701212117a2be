import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { audit, delivery } from "../../db/schema.ts";
import { openQueue } from "../../src/queue/queue.ts";
import { giveUpDelivery, receiveDelivery } from "../../src/webhooks/receive.ts";
import { packPayload } from "../../src/webhooks/intake-store.ts";
import { silent } from "../queue/start-worker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { untilTrue } from "../support/until-true.ts";
import { runCommand } from "./run-command.ts";

let t: TestDatabase;
let dataDir: string;

beforeAll(async () => {
  t = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "rc-dead-"));
});
afterAll(async () => {
  await t.close();
  await rm(dataDir, { recursive: true });
});

const run = (...args: string[]) =>
  runCommand(["queue", ...args], {
    env: { DATABASE_URL: t.url, LOG_LEVEL: "silent", DATA_DIR: dataDir },
    now: new Date(),
  });

/** A delivery that was given up. */
async function bury(id: string, error: string): Promise<void> {
  await t.database.system.insert(delivery).values({
    ...{ id, event: "issues", action: "labeled", source: "webhook", status: "queued" },
    payload: await packPayload(Buffer.from("{}")),
  });
  await giveUpDelivery({ system: t.database.system, log: silent }, { deliveryId: id }, error);
}

const statusOf = async (id: string) =>
  (await t.database.system.select().from(delivery).where(eq(delivery.id, id)))[0]?.status;

test("what is parked is shown with its evidence, requeued by one command, handled once, and noted", async () => {
  expect((await run("dead")).out).toMatch(/^Nothing is parked/);
  await bury("d-1", "the handler broke");
  expect((await run("dead")).out).toMatch(
    /d-1\s+issues\.labeled\s+-\s+just now\s+just now\s+the handler broke/,
  );
  expect(JSON.parse((await run("dead", "--json")).out)).toMatchObject({
    deliveries: [{ id: "d-1", event: "issues", action: "labeled", error: "the handler broke" }],
  });
  expect(await run("requeue", "d-1")).toMatchObject({ exitCode: 0, out: "d-1\n" });
  expect(await run("requeue", "d-1")).toMatchObject({
    exitCode: 1,
    err: expect.stringContaining("Expected a delivery that is parked") as string,
  });
  const noted = await t.database.system.select().from(audit).where(eq(audit.act, "operator-acted"));
  expect(noted.map(({ data }) => data)).toEqual([{ command: "queue requeue", delivery: "d-1" }]);

  let handled = 0;
  const probot = { receive: () => Promise.resolve(void (handled += 1)) };
  const queue = await openQueue({ url: t.url, log: silent });
  const { system } = t.database;
  await queue.work(
    {
      intake: ({ deliveryId }: { deliveryId: string }) => receiveDelivery({ system, probot }, deliveryId),
    } as never,
    {
      concurrency: 1,
    },
  );
  await untilTrue(async () => (await statusOf("d-1")) === "done", 30_000);
  await queue.stop({ timeoutMs: 5_000 });
  expect(handled).toBe(1);
});

test("all at once", async () => {
  await bury("d-2", "one");
  await bury("d-3", "two");
  const { out } = await run("requeue", "--all", "--json");
  expect((JSON.parse(out) as { requeued: string[] }).requeued.toSorted()).toEqual(["d-2", "d-3"]);
  expect(await run("requeue", "--all")).toMatchObject({ exitCode: 0, out: "Nothing was parked.\n" });
});

test.each([[["requeue"]], [["requeue", "d-2", "--all"]]])("%j is refused", async (args) => {
  expect(await run(...args)).toMatchObject({
    exitCode: 1,
    err: expect.stringContaining("either a delivery or --all") as string,
  });
});
