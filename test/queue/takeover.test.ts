import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { afterEach, expect, test } from "vitest";
import type { Queue } from "../../src/queue/queue.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { untilTrue } from "../support/until-true.ts";
import { startWorker } from "./start-worker.ts";

const script = fileURLToPath(new URL("./worker-process.ts", import.meta.url));
let home: TestDatabase;
let survivor: Queue | undefined;
let child: ChildProcess | undefined;

afterEach(async () => {
  child?.kill("SIGKILL");
  await survivor?.stop();
  await home.close();
});

test("a worker killed with SIGKILL is replaced within 60 s, and once", { timeout: 120_000 }, async () => {
  home = await createTestDatabase();
  child = spawn(process.execPath, [script], {
    env: { ...process.env, DATABASE_URL: home.url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout as NodeJS.ReadableStream, "data");

  const attempts: number[] = [];
  survivor = await startWorker(home.url, {
    "run-task": (_payload, { attempt }) => {
      attempts.push(attempt);
      return Promise.resolve();
    },
  });
  // Both workers listen; whoever takes it holds it until told, so ask until the child is the one.
  await untilTrue(async () => {
    const [row] = await home.database.system.execute<{ active: number }>(
      sql`select count(*)::int as active from pgboss.job where name = 'run-task' and state = 'active'`,
    );
    if (row?.active === 1) return true;
    await survivor?.enqueue(
      home.database.db,
      "run-task",
      { taskId: uuidv7(), accountId: uuidv7() },
      { key: uuidv7() },
    );
    return false;
  });
  attempts.length = 0;
  const killedAt = performance.now();
  child.kill("SIGKILL");
  await untilTrue(() => attempts.includes(2), 80_000);
  const seconds = (performance.now() - killedAt) / 1000;
  console.info(`taken over after ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(60);
  expect(attempts.filter((attempt) => attempt > 1)).toEqual([2]);
});
