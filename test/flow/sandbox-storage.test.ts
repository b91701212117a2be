import { randomBytes } from "node:crypto";
import { and, eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { checkpoint, step, usage } from "../../db/schema.ts";
import { answer, type Scenario } from "../standins/model/reply.ts";
import { bash, byWord, writeFiles } from "../standins/model/scenarios.ts";
import { startS3, type S3Standin } from "../standins/s3/start-s3.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { untilTrue } from "../support/until-true.ts";
import { openWorld, type World } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";

let world: World;
let s3: S3Standin;

const run =
  (command: string): Scenario =>
  ({ turn }) =>
    turn === 0 ? answer("I'll do it.", bash(command, "Do it")) : answer("Done.");

beforeAll(async () => {
  s3 = await startS3();
  world = await openWorld({
    // First, because a second task's prompt has the first one's words too.
    scenario: byWord({
      "go-on": writeFiles({ "turn.txt": "turned\n" }),
      "go-large": run("head -c 3000000 /dev/urandom > large.bin"),
      "go-full": run('chmod 555 "$(dirname "$PWD")/tmp"; echo turned > turn.txt'),
      "go-removed": run('rm -rf "$PWD"'),
    }),
    env: {
      CHECKPOINT_S3_URL: s3.url,
      CHECKPOINT_S3_REGION: s3.region,
      CHECKPOINT_S3_ACCESS_KEY_ID: s3.accessKeyId,
      CHECKPOINT_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      CHECKPOINT_MAX_MB: "1",
      ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    },
  });
});
let started = false;
beforeEach(async (context) => {
  await needBwrap(context);
  if (!started) await world.startWorker();
  started = true;
});
afterAll(async () => {
  await world.close();
  await s3.close();
  expect(s3.violations).toEqual([]);
});

/** The task is over with this error, was charged nothing when it was ours, and nothing stands on GitHub. */
async function expectNothingPushed(issueNumber: number, code: string) {
  const task = await world.untilReported(issueNumber, { timeoutMs: 90_000 });
  expect(task).toMatchObject({ status: "failed", outcome: { kind: "error", code } });
  const { said, branches, pulls } = await seeThread(world, issueNumber);
  expect([said.length, branches.length, pulls.length]).toEqual([1, 0, 0]);
  return { task, said: said[0] ?? "" };
}

test("a checkpoint larger than the cap: nothing is pushed, and the remedy is named", async () => {
  const { issueNumber } = await world.ask("/claude go-large");
  const { said } = await expectNothingPushed(issueNumber, "checkpoint-too-large");
  expect(said).toContain("more than the 1 MiB that a checkpoint may take");
  expect(said.replaceAll("\\", "")).toContain("CHECKPOINT_MAX_MB");
});

const broken = [
  {
    word: "go-full",
    what: "nothing can be written in the machine",
    code: "sandbox-full",
    says: "disk is full",
  },
  {
    word: "go-removed",
    what: "the checkout was removed",
    code: "checkout-gone",
    says: "removed the repository",
  },
];

test.each(broken)("$what: it says so, and the next task works in another machine", async (each) => {
  const { issueNumber } = await world.ask(`/claude ${each.word}`);
  const { said } = await expectNothingPushed(issueNumber, each.code);
  expect(said).toContain(each.says);
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude go-on");
  expect(await world.untilReported(issueNumber, { count: 2 })).toMatchObject({ status: "completed" });
  expect((await seeThread(world, issueNumber)).pulls).toHaveLength(1);
});

test(
  "the storage is away for a while: the task waits for it and pays its turn once",
  { timeout: 180_000 },
  async () => {
    s3.fault({ method: "PUT", when: "before", times: 5, status: 503, code: "SlowDown" });
    const before = world.model.requests.length;
    const { issueNumber } = await world.ask("/claude go-on");
    const task = await world.untilReported(issueNumber, { timeoutMs: 90_000 });
    expect(task).toMatchObject({ status: "completed", failures: 0, fence: 2 });
    expect(world.model.requests.length - before, "one turn").toBe(3);
    const calls = await world.database.database.system
      .select({ attempt: usage.attempt, fault: usage.fault })
      .from(usage)
      .where(and(eq(usage.taskId, task.id), eq(usage.kind, "model")));
    expect(calls).toEqual(Array.from({ length: 3 }, () => ({ attempt: 1, fault: "none" })));
    expect((await seeThread(world, issueNumber)).pulls).toHaveLength(1);
  },
);

test("the storage stays away: the task ends, and its thread says why", { timeout: 180_000 }, async () => {
  s3.fault({ method: "PUT", when: "before", times: 1_000, status: 503, code: "SlowDown" });
  const { issueNumber } = await world.ask("/claude go-on");
  const { system } = world.database.database;
  // Whatever the task is set back by has lasted for long, at every look.
  await untilTrue(async () => {
    await system
      .update(step)
      .set({ startedAt: sql`now() - interval '20 minutes'` })
      .where(eq(step.name, "setbacks"));
    const [task] = await world.tasks();
    return task?.issueNumber === issueNumber && task.finishedAt !== null;
  }, 120_000);
  const { task, said } = await expectNothingPushed(issueNumber, "setback");
  expect(task.outcome).toMatchObject({ fault: "platform" });
  expect(said).toMatch(/The storage for checkpoints could not be used for \d+ minutes/);
  expect(await system.select().from(checkpoint).where(eq(checkpoint.taskId, task.id))).toEqual([]);
});
