import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { usage } from "../../db/schema.ts";
import { hang, writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";

let world: World;
const work = writeFiles({ "turn.txt": "turned\n" });
beforeEach(async (context) => {
  await needBwrap(context);
  world = await openWorld({ scenario: work });
});
afterEach(() => world.close());

/** A moment of the story, and what must be seen from outside for it to have come. */
type KillPoint = { name: string; prepare: () => void; reached: () => boolean };

const effect = (operationId: string) =>
  world.github.effects.some((done) => done.operationId === operationId && done.actor !== "alice");
/** Holds the answer back, so that the worker dies after the effect and before it knows of it. */
const holdAnswer = (operationId: string) =>
  world.github.faults.add({ operationId, when: "after", delayMs: 15_000 });
const holdRequest = (operationId: string) =>
  world.github.faults.add({ operationId, when: "before", delayMs: 15_000 });

const points: KillPoint[] = [
  {
    name: "the status comment stands, its id is not stored",
    prepare: () => holdAnswer("issues/create-comment"),
    reached: () => effect("issues/create-comment"),
  },
  {
    name: "the agent runs",
    prepare: () => world.model.script(hang()),
    reached: () => world.model.requests.length > 0,
  },
  {
    name: "the branch is pushed, its push is not recorded",
    prepare: () => holdAnswer("git/receive-pack"),
    reached: () => effect("git/receive-pack"),
  },
  {
    name: "the branch is pushed, there is no pull request",
    prepare: () => holdRequest("pulls/create"),
    reached: () => world.github.faults.struck > 0,
  },
  {
    name: "the pull request stands, its number is not stored",
    prepare: () => holdAnswer("pulls/create"),
    reached: () => effect("pulls/create"),
  },
  {
    name: "the last word is said, its saying is not recorded",
    prepare: () => holdAnswer("issues/update-comment"),
    reached: () => effect("issues/update-comment"),
  },
];

test.each(points)(
  "killed when $name: the next worker ends the task, once",
  { timeout: 180_000 },
  async (point) => {
    const { issueNumber, commentId } = await world.ask("/claude write turn.txt");
    point.prepare();
    const first = world.spawnWorker();
    await world.until(point.name, () => Promise.resolve(point.reached()), 60_000);
    await killHard(first);
    world.github.faults.clear();
    world.model.script(work);
    const killedAt = performance.now();
    await world.startWorker();
    const task = await world.untilReported(issueNumber, { timeoutMs: 90_000 });
    expect(performance.now() - killedAt).toBeLessThan(90_000);
    await expectOneOfEach(task.id, issueNumber, commentId);
  },
);

async function expectOneOfEach(taskId: string, issueNumber: number, commentId: number): Promise<void> {
  const { github, repository } = world;
  expect((await world.tasks()).map(({ id, status }) => ({ id, status }))).toEqual([
    { id: taskId, status: "completed" },
  ]);
  expect(await github.pullRequests(repository)).toMatchObject([{ files: [{ path: "turn.txt" }] }]);
  expect(Object.keys(await github.branches(repository))).toHaveLength(2);
  expect(
    github.comments(repository, issueNumber).filter(({ author }) => author.endsWith("[bot]")),
  ).toHaveLength(1);
  expect(github.reactions(repository, issueNumber, commentId).map(({ content }) => content)).toEqual([
    "eyes",
    "rocket",
  ]);
  const paid = (await world.database.database.system.select().from(usage)).filter(
    ({ fault }) => fault === "none",
  );
  const attempts = new Set(paid.map(({ attempt }) => attempt));
  expect([...attempts]).toHaveLength(1);
  expect(paid.length).toBeGreaterThan(0);
}

async function killHard(worker: ChildProcess): Promise<void> {
  const ended = once(worker, "exit");
  worker.kill("SIGKILL");
  await ended;
}
