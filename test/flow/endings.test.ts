import { afterEach, beforeEach, expect, test } from "vitest";
import { answer } from "../standins/model/reply.ts";
import {
  bash,
  changeNothing,
  endless,
  fail,
  hang,
  rewriteHistory,
  writeFiles,
} from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World, type WorldOptions } from "../support/world.ts";

let world: World;
beforeEach((context) => needBwrap(context));
afterEach(() => world.close());

async function open(options: WorldOptions): Promise<void> {
  world = await openWorld(options);
  await world.startWorker();
}

const botComments = (issueNumber: number) =>
  world.github.comments(world.repository, issueNumber).filter(({ author }) => author.endsWith("[bot]"));

test("nothing to change: it says so, and there is no pull request", async () => {
  await open({ scenario: changeNothing() });
  const { issueNumber, commentId } = await world.ask("/claude make it turn");
  const task = await world.untilReported(issueNumber);
  expect(task.outcome).toMatchObject({ kind: "no-changes" });
  expect(await world.github.pullRequests(world.repository)).toEqual([]);
  expect(await world.github.branches(world.repository)).toEqual({ main: expect.any(String) as string });
  expect(botComments(issueNumber).map(({ body }) => body.split("\n")[0])).toEqual([
    expect.stringContaining("Nothing to change"),
  ]);
  expect(
    world.github.reactions(world.repository, issueNumber, commentId).map(({ content }) => content),
  ).toContain("rocket");
});

test("a model key that is refused ends the task at once, and says whose matter it is", async () => {
  await open({ scenario: fail(401) });
  const { issueNumber, commentId } = await world.ask("/claude make it turn");
  const task = await world.untilReported(issueNumber);
  expect(task).toMatchObject({ status: "failed", outcome: { code: "model-401", fault: "operator" } });
  expect(botComments(issueNumber)[0]?.body).toContain("operator");
  expect(
    world.github.reactions(world.repository, issueNumber, commentId).map(({ content }) => content),
  ).toContain("confused");
});

test("a model that is overloaded for a while is waited for", async () => {
  let calls = 0;
  const write = writeFiles({ "turn.txt": "turned\n" });
  await open({
    scenario: (call) => {
      calls += 1;
      return calls <= 2 ? fail(529, { "retry-after": "1" })(call) : write(call);
    },
  });
  const { issueNumber } = await world.ask("/claude make it turn");
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "completed" });
});

test("a turn past its deadline is ended, and the branch stays unwritten", async () => {
  await open({ scenario: endless(), env: { TASK_TIMEOUT_MINUTES: "0.05" } });
  const { issueNumber } = await world.ask("/claude run for ever");
  const task = await world.untilReported(issueNumber);
  expect(task).toMatchObject({ status: "timeout", outcome: { kind: "timeout", afterMs: 3_000 } });
  expect(await world.github.pullRequests(world.repository)).toEqual([]);
});

test("the budget stops the task before the call that would pass it, and its thread is asked", async () => {
  await open({ scenario: endless("true"), env: { TASK_BUDGET_USD: "0.02" } });
  const { issueNumber } = await world.ask("/claude run for ever");
  await world.until("the thread is asked", () =>
    Promise.resolve(botComments(issueNumber)[0]?.body.includes("budget +2")),
  );
  expect(await world.tasks()).toMatchObject([{ status: "waiting", leg: 1, question: { kind: "cost" } }]);
});

test("an agent that rewrites history still makes one commit on the base", async () => {
  await open({
    scenario: (call) =>
      call.turn === 0
        ? answer("First a file.", bash("echo turned > turn.txt", "Write a file"))
        : rewriteHistory()({ ...call, turn: call.turn - 1 }),
  });
  const { issueNumber } = await world.ask("/claude make it turn");
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "completed" });
  const [pull] = await world.github.pullRequests(world.repository);
  expect(pull?.files.map(({ path }) => path)).toEqual(["turn.txt"]);
  const commits = await world.github.commits(world.repository, pull?.head ?? "");
  expect(commits).toHaveLength(2);
});

test("a workflow file is left out of the push and offered as a patch", async () => {
  await open({ scenario: writeFiles({ ".github/workflows/ci.yml": "on: push\n", "turn.txt": "turned\n" }) });
  const { issueNumber } = await world.ask("/claude add CI");
  const task = await world.untilReported(issueNumber);
  expect(task.outcome).toMatchObject({
    kind: "published",
    leftOut: { files: [{ path: ".github/workflows/ci.yml" }] },
  });
  const [pull] = await world.github.pullRequests(world.repository);
  expect(pull?.files.map(({ path }) => path)).toEqual(["turn.txt"]);
  expect(botComments(issueNumber)[0]?.body).toContain("+on: push");
});

test("stop ends a running task within 5 s", async () => {
  await open({ scenario: hang() });
  const { issueNumber } = await world.ask("/claude run for ever");
  await world.model.until((requests) => requests.length > 0);
  const since = performance.now();
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude stop");
  const task = await world.until("the task is cancelled", async () => {
    const [newest] = await world.tasks();
    return newest?.status === "cancelled" ? newest : null;
  });
  expect(performance.now() - since).toBeLessThan(5_000);
  expect(task.outcome).toEqual({ kind: "cancelled", by: "alice" });
  await world.untilReported(issueNumber);
  expect(botComments(issueNumber)[0]?.body).toContain("Stopped");
});

test("stop ends a queued task without ever running it", async () => {
  await open({ scenario: hang() });
  const { issueNumber } = await world.ask("/claude run for ever");
  await world.model.until((requests) => requests.length > 0);
  const alice = world.github.as("alice");
  await alice.comment(world.repository, issueNumber, "/claude and then this");
  const waiting = await world.until("the second task says that it waits", () =>
    Promise.resolve(botComments(issueNumber).find(({ body }) => body.includes("Waiting"))),
  );
  expect(waiting.body).toContain("an earlier task of this conversation");
  await alice.comment(world.repository, issueNumber, "/claude stop");
  await world.untilReported(issueNumber, { count: 2 });
  expect((await world.tasks()).map(({ status, fence }) => ({ status, fence }))).toEqual([
    { status: "cancelled", fence: 0 },
    { status: "cancelled", fence: 1 },
  ]);
});

test("closing the issue stops its task", async () => {
  await open({ scenario: hang() });
  const { issueNumber } = await world.ask("/claude run for ever");
  await world.model.until((requests) => requests.length > 0);
  await world.github.as("alice").closeIssue(world.repository, issueNumber);
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "cancelled" });
});

test("a deleted issue ends its task without an error storm", async () => {
  await open({ scenario: hang() });
  const { issueNumber } = await world.ask("/claude run for ever");
  await world.model.until((requests) => requests.length > 0);
  const requestsBefore = world.github.requests.length;
  world.github.createUser("olga");
  world.github.setRole(world.repository, "olga", "admin");
  await world.github.as("olga").deleteIssue(world.repository, issueNumber);
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "cancelled" });
  expect(world.github.requests.length - requestsBefore).toBeLessThan(30);
});
