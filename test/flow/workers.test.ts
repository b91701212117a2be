import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hang, writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World, type WorldOptions } from "../support/world.ts";

let world: World;
const work = writeFiles({ "turn.txt": "turned\n" });
beforeEach((context) => needBwrap(context));
afterEach(() => world.close());

async function open(options: WorldOptions = {}): Promise<void> {
  world = await openWorld({ scenario: work, ...options });
}

test(
  "a worker that is asked to stop hands its task to the next one, which goes on in the same conversation",
  { timeout: 120_000 },
  async () => {
    await open();
    world.model.script(hang());
    const first = world.spawnWorker();
    const { issueNumber } = await world.ask("/claude write turn.txt");
    await world.model.until((requests) => requests.length > 0);
    const ended = once(first, "exit");
    const since = performance.now();
    first.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(performance.now() - since).toBeLessThan(30_000);
    world.model.script(work);
    await world.startWorker();
    const task = await world.untilReported(issueNumber, { timeoutMs: 60_000 });
    expect(task).toMatchObject({ status: "completed", failures: 0, fence: 2 });
    expect(task.prompt).toContain("interrupted");
    expect(await world.github.pullRequests(world.repository)).toHaveLength(1);
  },
);

test("an account never runs more tasks than its limit, with two workers", { timeout: 120_000 }, async () => {
  await open({ env: { ACCOUNT_MAX_PARALLEL_TASKS: "2" } });
  await world.startWorker();
  await world.startWorker();
  let most = 0;
  const issues = await Promise.all(
    Array.from({ length: 6 }, (_, n) => world.ask("/claude write turn.txt", { title: `Turn ${n}` })),
  );
  await world.until(
    "all have ended",
    async () => {
      const tasks = await world.tasks();
      most = Math.max(
        most,
        tasks.filter(({ status }) => status === "provisioning" || status === "running").length,
      );
      return tasks.length === issues.length && tasks.every(({ reportedAt }) => reportedAt !== null);
    },
    100_000,
  );
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(2);
  expect(await world.github.pullRequests(world.repository)).toHaveLength(6);
});

test("webhooks that never arrived are found in the App's delivery list, and run once", async () => {
  await open();
  world.github.setWebhook(world.app, { url: "http://127.0.0.1:9/" });
  const { issueNumber } = await world.ask("/claude write turn.txt");
  await world.github.drained();
  await world.startWorker();
  await world.untilReported(issueNumber);
  world.github.setWebhook(world.app, { url: `${world.server.url}/api/github/webhooks` });
  for (const delivery of world.github.deliveries()) {
    if (delivery.event === "issue_comment") await world.redeliver(delivery.id);
  }
  await world.github.drained();
  const second = await world.ask("/claude write turn.txt", { title: "Another" });
  await world.untilReported(second.issueNumber);
  expect(await world.tasks()).toHaveLength(2);
});

const faults = [
  { operationId: "issues/create-comment", when: "after", status: 502 },
  { operationId: "issues/create-comment", when: "after", reset: true },
  { operationId: "issues/create-comment", when: "before", status: 500 },
  { operationId: "pulls/create", when: "after", status: 502 },
  { operationId: "pulls/create", when: "after", reset: true },
  { operationId: "git/receive-pack", when: "after", reset: true },
  { operationId: "reactions/create-for-issue-comment", when: "after", status: 502 },
  { operationId: "issues/update-comment", when: "before", status: 403, headers: { "retry-after": "2" } },
  { operationId: "repos/get-collaborator-permission-level", when: "before", status: 500 },
] as const;

test.each(faults)(
  "GitHub fails at $operationId ($when): one of each at the end",
  { timeout: 120_000 },
  async (fault) => {
    await open();
    const { issueNumber, commentId } = await world.ask("/claude write turn.txt");
    world.github.faults.add(fault);
    await world.startWorker();
    const task = await world.untilReported(issueNumber, { timeoutMs: 90_000 });
    const { github, repository } = world;
    expect(github.faults.struck).toBe(1);
    expect(task.status).toBe("completed");
    expect(await github.pullRequests(repository)).toHaveLength(1);
    expect(Object.keys(await github.branches(repository))).toHaveLength(2);
    expect(
      github.comments(repository, issueNumber).filter(({ author }) => author.endsWith("[bot]")),
    ).toHaveLength(1);
    expect(github.reactions(repository, issueNumber, commentId).map(({ content }) => content)).toEqual([
      "eyes",
      "rocket",
    ]);
  },
);
