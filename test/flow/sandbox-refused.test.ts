import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startE2b, type E2bStandin } from "../standins/e2b/start-e2b.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";

let world: World;
let e2b: E2bStandin;
beforeEach(async (context) => {
  await needBwrap(context);
  world = await openWorld({ scenario: writeFiles({ "turn.txt": "turned\n" }), e2b: true });
  if (world.e2b === null) throw new Error("expected an E2B");
  e2b = world.e2b;
  world.config.sandbox.providers = ["e2b"];
});
afterEach(() => world.close());

const settings = () => {
  const { e2b: found } = world.config.sandbox;
  if (found === null) throw new Error("expected settings of E2B");
  return found;
};

/** The task ends at once, is not charged, and its thread has these words. */
async function expectRefused(...words: string[]): Promise<void> {
  const { issueNumber } = await world.ask("/claude write turn.txt");
  const task = await world.untilReported(issueNumber);
  expect(task).toMatchObject({ status: "failed", fence: 1, failures: 0, outcome: { fault: "platform" } });
  const { said, pulls } = await seeThread(world, issueNumber);
  expect([said.length, pulls.length]).toEqual([1, 0]);
  // Markdown has its underscores escaped.
  const text = (said[0] ?? "").replaceAll("\\", "");
  for (const word of words) expect(text).toContain(word);
}

test("a task longer than the plan's cap is refused with the names of both settings", async () => {
  settings().maxRunMs = 60 * 60_000;
  world.config.limits.taskTimeoutMs = 90 * 60_000;
  await world.startWorker();
  await expectRefused("92 minutes", "E2B_MAX_RUN_MINUTES allows 60", "TASK_TIMEOUT_MINUTES");
});

test("a machine near the plan's cap is paused and resumed before the next turn", async () => {
  world.config.limits.taskTimeoutMs = 10 * 60_000;
  // The lease is the turn's time and two minutes; E2B's cap leaves no more than the tolerance beside it.
  settings().maxRunMs = 12 * 60_000 + 2_000;
  e2b.planCapMs = settings().maxRunMs;
  await world.startWorker();
  const { issueNumber } = await world.ask("/claude write turn.txt");
  await world.untilReported(issueNumber);
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude once more");
  expect(await world.untilReported(issueNumber, { count: 2 })).toMatchObject({ status: "completed" });
  expect(e2b.calls.filter(({ path }) => path.endsWith("/pause"))).toHaveLength(1);
  expect(e2b.machines()).toMatchObject([{ state: "running" }]);
  expect((await seeThread(world, issueNumber)).said.at(-1)).not.toContain("rebuilt");
});

const templates = [
  { what: "no Claude", claude: null, says: "has no claude" },
  { what: "an old Claude", claude: "#!/bin/sh\necho '1.0.0 (Claude Code)'\n", says: "has Claude Code 1.0.0" },
];

test.each(templates)(
  "a template with $what is refused with the command that builds one",
  async (template) => {
    const tools = await mkdtemp(join(tmpdir(), "rc-tools-"));
    if (template.claude !== null) {
      await writeFile(join(tools, "claude"), template.claude);
      await chmod(join(tools, "claude"), 0o755);
    }
    const other = await startE2b({ launcher: "bwrap", toolPaths: [tools, dirname(process.execPath)] });
    try {
      const { apiUrl, sandboxUrl, apiKey, template: name } = other;
      Object.assign(settings(), { apiUrl, sandboxUrl, apiKey, template: name });
      const worker = await world.startWorker();
      await expectRefused(template.says, "E2B_TEMPLATE", "npm run e2b:template");
      expect(other.machines()).toEqual([]);
      await worker.stop();
    } finally {
      await other.close();
      await rm(tools, { recursive: true });
    }
  },
);

test("a wrong key: a worker with no other provider says which one and where to get one, and does not start", async () => {
  settings().apiKey = `e2b_${"f".repeat(40)}`;
  await expect(world.startWorker()).rejects.toMatchObject({
    message: expect.stringContaining("E2B_API_KEY") as string,
    remedy: expect.stringContaining("https://e2b.dev/dashboard") as string,
  });
});

test("a wrong key with a second provider: the work goes on there", async () => {
  settings().apiKey = `e2b_${"f".repeat(40)}`;
  world.config.sandbox.providers = ["e2b", "local"];
  await world.startWorker();
  const { issueNumber } = await world.ask("/claude write turn.txt");
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "completed" });
  expect(e2b.machines()).toEqual([]);
});

test("a key that is taken back while the worker runs: the thread says whose matter it is", async () => {
  await world.startWorker();
  e2b.fault({ path: /^\/(v2\/)?sandboxes/, times: 1_000, when: "before", do: { status: 401 } });
  await expectRefused("E2B_API_KEY", "https://e2b.dev/dashboard");
});

test("a machine whose disk is full at its very beginning: the thread says so", async () => {
  await world.startWorker();
  e2b.fault({ method: "POST", path: /^\/files/, times: 1_000, when: "before", do: { status: 507 } });
  await expectRefused("disk is full");
});
