import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
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
  let said = "";
  child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
  await untilTrue(() => said.includes("ready"));

  const taken: { taskId: string; attempt: number }[] = [];
  survivor = await startWorker(home.url, {
    "run-task": ({ taskId }, { attempt }) => {
      taken.push({ taskId, attempt });
      return Promise.resolve();
    },
  });
  // Both workers listen, and either may be quicker: ask until the child says that it holds one.
  let asked = 0;
  await untilTrue(async () => {
    if (said.includes("holds")) return true;
    if (taken.length === asked) {
      asked += 1;
      const payload = { taskId: uuidv7(), accountId: uuidv7() };
      await survivor?.enqueue(home.database.db, "run-task", payload, { key: uuidv7() });
    }
    return false;
  });
  const held = /holds (\S+)/.exec(said)?.[1];
  const killedAt = performance.now();
  child.kill("SIGKILL");
  await untilTrue(() => taken.some(({ taskId }) => taskId === held), 80_000);
  const seconds = (performance.now() - killedAt) / 1000;
  console.info(`taken over after ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(60);
  expect(taken.filter(({ taskId }) => taskId === held)).toEqual([{ taskId: held, attempt: 2 }]);
});
