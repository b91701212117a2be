import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkpoint, sandbox, step } from "../../db/schema.ts";
import { byWord, fail, hang, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { startS3, type S3Standin } from "../standins/s3/start-s3.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World, type WorldOptions } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";

let world: World;
let s3: S3Standin | null = null;
beforeEach((context) => needBwrap(context));
afterEach(async () => {
  await world.close();
  await s3?.close();
  s3 = null;
});

const work = writeFiles({ "turn.txt": "turned\n" });

async function open(options: WorldOptions = {}): Promise<void> {
  world = await openWorld({ scenario: work, ...options });
  await world.startWorker();
}

const sentence = async (issueNumber: number) => (await seeThread(world, issueNumber)).said.join("\n");

/** Says stop; within 5 s the newest task of the issue is cancelled and its thread says so. */
async function expectStopped(issueNumber: number): Promise<void> {
  const since = performance.now();
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude stop");
  await world.until("the task is cancelled", async () => {
    const task = (await world.tasks()).find((row) => row.issueNumber === issueNumber);
    return task?.status === "cancelled";
  });
  await world.until("the thread says so", async () => (await sentence(issueNumber)).includes("Stopped"));
  expect(performance.now() - since).toBeLessThan(5_000);
  const task = await world.untilReported(issueNumber);
  expect(task.outcome).toEqual({ kind: "cancelled", by: "alice" });
  expect(await sentence(issueNumber)).toContain("Stopped");
}

const struck = (count = 0) =>
  world.until("GitHub is asked", () => Promise.resolve(world.github.faults.struck > count));

async function expectNothingOnGitHub(issueNumber: number): Promise<void> {
  const { branches, pulls } = await seeThread(world, issueNumber);
  expect([branches.length, pulls.length]).toEqual([0, 0]);
}

test("while it waits for a slot of its account", async () => {
  const held = holdBack(work);
  await open({ scenario: held.scenario, env: { ACCOUNT_MAX_PARALLEL_TASKS: "1" } });
  await world.ask("/claude be first");
  await held.arrived;
  const { issueNumber } = await world.ask("/claude be second");
  await world.until("it waits", async () => (await sentence(issueNumber)).includes("one slot is busy"));
  await expectStopped(issueNumber);
  expect((await world.tasks())[0]?.fence).toBe(0);
  held.release();
});

test("while the mirror is fetched", async () => {
  await open();
  world.github.faults.add({ operationId: "git/upload-pack", when: "before", delayMs: 8_000, times: 20 });
  const { issueNumber } = await world.ask("/claude work");
  await struck();
  await expectStopped(issueNumber);
  await expectNothingOnGitHub(issueNumber);
});

test("while the repository's setup commands run", async () => {
  const settings = "setup:\n  - echo began > /workspace/began && sleep 600\n";
  await open({ files: { "README.md": "# widgets\n", ".github/remote-claude.yml": settings } });
  const { issueNumber } = await world.ask("/claude work");
  await world.until("the machine is being set up", async () => {
    const [machine] = await world.database.database.system.select().from(sandbox);
    const folder = join(world.config.dataDir, "sandboxes", machine?.id ?? "none", "workspace");
    return existsSync(join(folder, "began"));
  });
  await expectStopped(issueNumber);
  expect(world.model.requests).toHaveLength(0);
});

test("while the agent's work is being kept: what was kept before stays", async () => {
  s3 = await startS3();
  await open({
    env: {
      CHECKPOINT_S3_URL: s3.url,
      CHECKPOINT_S3_REGION: s3.region,
      CHECKPOINT_S3_ACCESS_KEY_ID: s3.accessKeyId,
      CHECKPOINT_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    },
  });
  s3.fault({ method: "PUT", when: "before", hang: true });
  const { issueNumber } = await world.ask("/claude work");
  await world.until("the agent's run is over", async () => {
    const rows = await world.database.database.system.select().from(step);
    return rows.some(({ name, status }) => name.startsWith("agent:") && status === "done");
  });
  await expectStopped(issueNumber);
  await expectNothingOnGitHub(issueNumber);
});

test("after the turn, before the push: nothing of it reaches GitHub, and it is kept", async () => {
  await open();
  const operationId = "repos/get-collaborator-permission-level";
  const asked = () => world.github.requests.filter((request) => request.operationId === operationId).length;
  const { issueNumber } = await world.ask("/claude work");
  // The first is the command's own gate; the second asks whether that still holds.
  await world.until("the gate has been asked", () => Promise.resolve(asked() > 0));
  world.github.faults.add({ operationId, when: "before", delayMs: 1_500 });
  await struck();
  await expectStopped(issueNumber);
  await expectNothingOnGitHub(issueNumber);
  const { system } = world.database.database;
  expect(await system.select().from(checkpoint)).toHaveLength(1);
});

const atGitHub = [
  { phase: "the push is under way", operationId: "git/receive-pack" },
  { phase: "the pull request is being opened", operationId: "pulls/create" },
];

test.each(atGitHub)("while $phase: what GitHub has taken stands, and is known", async ({ operationId }) => {
  await open({ scenario: byWord({ "carry-on": writeFiles({ "second.txt": "more\n" }), work }) });
  world.github.faults.add({ operationId, when: "before", delayMs: 7_000 });
  const { issueNumber } = await world.ask("/claude work");
  await struck();
  await expectStopped(issueNumber);
  world.github.faults.clear();
  // The next task finds whatever came of it, and there is one branch and one pull request in the end.
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude carry-on");
  expect(await world.untilReported(issueNumber, { count: 2 })).toMatchObject({ status: "completed" });
  const { branches, pulls } = await seeThread(world, issueNumber);
  expect([branches.length, pulls.length]).toEqual([1, 1]);
  expect(pulls[0]?.files.map(({ path }) => path).sort()).toEqual(["second.txt", "turn.txt"]);
});

test("while it sleeps between two attempts: ended right there, though its worker hears of nothing", async () => {
  await open({ scenario: fail(529, { "retry-after": "1" }) });
  const { issueNumber } = await world.ask("/claude work");
  const { system } = world.database.database;
  await world.until("an attempt is over", async () => {
    const rows = await system
      .select({ ended: sql<string | null>`${step.result}->>'ended'` })
      .from(step)
      .where(eq(step.name, "claim"));
    return rows[0]?.ended === "transient";
  });
  const since = performance.now();
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude stop");
  const task = await world.until("the task is cancelled", async () => {
    const [row] = await world.tasks();
    return row?.status === "cancelled" ? row : null;
  });
  expect(performance.now() - since).toBeLessThan(2_500);
  expect(task).toMatchObject({ fence: 1, outcome: { kind: "cancelled", by: "alice" } });
  await world.until("the thread says so", async () => (await sentence(issueNumber)).includes("Stopped"));
  expect(performance.now() - since).toBeLessThan(5_000);
});

test("while the agent works, and its provider does not answer any more: its machine is ended when it does", async () => {
  await open({ e2b: true, scenario: hang() });
  const { issueNumber } = await world.ask("/claude work");
  await world.model.until((requests) => requests.length > 0);
  world.e2b?.fault({ path: /^\//, when: "before", do: { status: 503 }, times: 10_000 });
  await expectStopped(issueNumber);
  await world.until(
    "its machine is to be ended",
    async () => {
      const rows = await world.database.database.system.select().from(sandbox);
      return rows.some(({ status, endReason }) => status === "ending" && endReason === "stopped");
    },
    90_000,
  );
}, 150_000);
