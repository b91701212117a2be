import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { feedback } from "../../db/schema.ts";
import { frozenContext, type FrozenContext } from "../../src/tasks/frozen-context.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import type { TaskRow } from "../support/world.ts";
import { shareWorld } from "./share-world.ts";

const open = shareWorld({ scenario: writeFiles({ "turn.txt": "turned\nagain\n" }) }, (world) => {
  Object.assign(world.config, { feedback: { quietMs: 1_500, longestMs: 4_000 } });
});
const alice = () => open().github.as("alice");
const repository = () => open().repository;
const contextOf = (task: TaskRow): FrozenContext => frozenContext.parse(task.context);

async function ourPull(): Promise<{ number: number; first: TaskRow }> {
  const { issueNumber } = await open().ask("/claude write turn.txt");
  const first = await open().untilReported(issueNumber);
  const pulls = await open().github.pullRequests(repository());
  const pull = pulls.find(({ head }) => head.startsWith(`claude/${issueNumber}-`));
  if (pull === undefined) throw new Error("the first task made no pull request");
  return { number: pull.number, first };
}

const tasksOn = async (number: number) =>
  (await open().tasks()).filter((task) => task.issueNumber === number);

test("comments on our pull request that name nobody are collected into one task", async () => {
  const { number, first } = await ourPull();
  const { id } = await alice().comment(repository(), number, "Please say it twice.");
  await alice().comment(repository(), number, "And <!-- hidden --> in capitals.");
  const line = await alice().reviewComment(repository(), number, {
    path: "turn.txt",
    line: 2,
    body: "This one too.",
  });
  const task = await open().untilReported(number);
  expect(task).toMatchObject({ trigger: "feedback", sessionId: first.sessionId, requesterLogin: "alice" });
  expect(task.businessKey).toMatch(/^feedback:(comment|review-comment):\d+$/);
  const { review, comments } = contextOf(task);
  expect(review?.notes.map(({ body }) => body)).toEqual([
    "Please say it twice.",
    expect.stringContaining("in capitals"),
  ]);
  expect(JSON.stringify(review)).not.toContain("hidden");
  expect(review?.threads).toMatchObject([{ commentId: line.id, path: "turn.txt", line: 2 }]);
  expect(comments).toEqual([]);
  expect(await tasksOn(number)).toHaveLength(1);
  const eyes = open()
    .github.reactions(repository(), number, id)
    .map(({ content }) => content);
  expect(eyes).toContain("eyes");
  const { system } = open().database.database;
  await open().until("they are noted as taken", async () => {
    const rows = await system.select().from(feedback).where(eq(feedback.pullNumber, number));
    return rows.length === 3 && rows.every(({ taskId }) => taskId === task.id);
  });
});

test("somebody without access, and our own comments, are no feedback", async () => {
  const { number } = await ourPull();
  await open().github.as("bob").comment(repository(), number, "I do not like it.");
  await alice().comment(repository(), number, "/claude status");
  await alice().comment(repository(), number, "Shorter, please.");
  const task = await open().untilReported(number);
  expect(contextOf(task).review?.notes.map(({ author }) => author)).toEqual(["alice"]);
  const said = open()
    .github.comments(repository(), number)
    .filter(({ body }) => body.includes("needs write access"));
  expect(said).toEqual([]);
});

test("comments that never fall quiet become a task all the same", async () => {
  const { number } = await ourPull();
  let written = 0;
  const tasks = await open().until("a task is made", async () => {
    if (written < 12) await alice().comment(repository(), number, `Remark ${(written += 1)}`);
    const found = await tasksOn(number);
    return found.length > 0 ? found : null;
  });
  expect(tasks[0]?.trigger).toBe("feedback");
  await open().untilReported(number);
});

test("a pull request that is closed meanwhile takes its feedback along", async () => {
  const { number } = await ourPull();
  await alice().comment(repository(), number, "One more thing.");
  await alice().closeIssue(repository(), number);
  const { system } = open().database.database;
  await open().until("the feedback is dropped", async () => {
    const rows = await system.select().from(feedback).where(eq(feedback.pullNumber, number));
    return rows.length === 0;
  });
  expect(await tasksOn(number)).toEqual([]);
});
