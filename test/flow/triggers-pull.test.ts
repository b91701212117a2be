import { expect, test } from "vitest";
import { frozenContext, type FrozenContext } from "../../src/tasks/frozen-context.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import type { TaskRow } from "../support/world.ts";
import { shareWorld } from "./share-world.ts";

const open = shareWorld({ scenario: writeFiles({ "turn.txt": "turned\nagain\n" }) });
const alice = () => open().github.as("alice");
const repository = () => open().repository;
const contextOf = (task: TaskRow): FrozenContext => frozenContext.parse(task.context);

/** A pull request of ours, made by a first task. */
async function ourPull(
  files: Record<string, string> = { "turn.txt": "turned\nagain\n" },
): Promise<{ issueNumber: number; number: number; first: TaskRow }> {
  open().model.script(writeFiles(files));
  const { issueNumber } = await open().ask("/claude write turn.txt");
  const first = await open().untilReported(issueNumber);
  const pulls = await open().github.pullRequests(repository());
  const pull = pulls.find(({ head }) => head.startsWith(`claude/${issueNumber}-`));
  if (pull === undefined) throw new Error("the first task made no pull request");
  return { issueNumber, number: pull.number, first };
}

/** A pull request of alice's own. */
async function personsPull(branch: string): Promise<number> {
  await open().github.commit(repository(), { branch, files: { "own.txt": "one\ntwo\n" }, by: "alice" });
  const { number } = await alice().openPull(repository(), { title: "Mine", head: branch, base: "main" });
  return number;
}

const tasksOn = async (number: number) =>
  (await open().tasks()).filter((task) => task.issueNumber === number);

test("a command on our pull request goes on in its session, and the status stands there", async () => {
  const { number, first } = await ourPull();
  open().model.script(writeFiles({ "more.txt": "more\n" }));
  await alice().comment(repository(), number, "/claude add more.txt");
  const task = await open().untilReported(number);
  expect(task).toMatchObject({ sessionId: first.sessionId, trigger: "comment", status: "completed" });
  expect(contextOf(task).pull).toMatchObject({ number, head: { sameRepository: true } });
  const [pull] = (await open().github.pullRequests(repository())).filter((each) => each.number === number);
  expect(pull?.files.map(({ path }) => path).sort()).toEqual(["more.txt", "turn.txt"]);
});

test("a command on a person's pull request works on its branch", async () => {
  const number = await personsPull("feature");
  open().model.script(writeFiles({ "added.txt": "added\n" }));
  await alice().comment(repository(), number, "/claude add added.txt");
  const task = await open().untilReported(number);
  expect(task.status).toBe("completed");
  const pulls = await open().github.pullRequests(repository());
  expect(pulls.find((each) => each.number === number)?.files.map(({ path }) => path)).toContain("added.txt");
});

test("a pull request whose branch is protected is only read", async () => {
  const number = await personsPull("guarded");
  open().github.protectBranch(repository(), "guarded");
  await alice().comment(repository(), number, "/claude add a file");
  const said = await open().until("the bot declines", () =>
    Promise.resolve(
      open()
        .github.comments(repository(), number)
        .find(({ author }) => author.endsWith("[bot]")),
    ),
  );
  expect(said.body).toContain("protected");
  expect(await tasksOn(number)).toEqual([]);
});

test("a command at a line brings file, line and hunk, and its eyes go on that comment", async () => {
  const { number } = await ourPull();
  open().model.script(writeFiles({ "turn.txt": "turned\nonce more\n" }));
  const { id } = await alice().reviewComment(repository(), number, {
    path: "turn.txt",
    line: 2,
    body: "/claude say it otherwise",
  });
  const task = await open().untilReported(number);
  expect(task).toMatchObject({
    trigger: "review-comment",
    triggerCommentId: id,
    instruction: "say it otherwise",
  });
  const { review } = contextOf(task);
  expect(review?.threads).toMatchObject([{ commentId: id, path: "turn.txt", line: 2, outdated: false }]);
  expect(review?.threads[0]?.diffHunk).toContain("+again");
  const pulls = await open().github.pullRequests(repository());
  const comment = pulls.flatMap(({ reviewComments }) => reviewComments).find((each) => each.id === id);
  expect(comment?.reactions.map(({ content }) => content)).toContain("eyes");
  expect(await tasksOn(number)).toHaveLength(1);
});

test("a submitted review is one task with all its comments", async () => {
  const { number, first } = await ourPull();
  const suggestion = "Better:\n```suggestion\nturned twice\n```";
  await alice().review(repository(), number, {
    event: "REQUEST_CHANGES",
    body: "Two things.",
    comments: [
      { path: "turn.txt", line: 1, body: suggestion },
      { path: "turn.txt", line: 2, body: "/claude why this?" },
    ],
  });
  const task = await open().untilReported(number);
  await open().github.drained();
  expect(task).toMatchObject({ trigger: "review", sessionId: first.sessionId, requesterLogin: "alice" });
  const { review } = contextOf(task);
  expect(review).toMatchObject({
    state: "changes_requested",
    author: "alice",
    body: "Two things.",
    leftOut: 0,
  });
  expect(review?.threads.map(({ line, remarks }) => [line, remarks[0]?.body])).toEqual([
    [1, suggestion],
    [2, "/claude why this?"],
  ]);
  expect(await tasksOn(number)).toHaveLength(1);
});

test("an approval without words starts nothing; one with words does", async () => {
  const { number } = await ourPull();
  await alice().review(repository(), number, { event: "APPROVE" });
  await alice().review(repository(), number, { event: "APPROVE", body: "Fine, but rename it." });
  const task = await open().untilReported(number);
  expect(contextOf(task).review).toMatchObject({ state: "approved", body: "Fine, but rename it." });
  expect(await tasksOn(number)).toHaveLength(1);
});

test("a verb in the review's words is obeyed instead", async () => {
  const { number } = await ourPull();
  await alice().review(repository(), number, { event: "COMMENT", body: "/claude status" });
  await open().until("the bot answers", () =>
    Promise.resolve(
      open()
        .github.comments(repository(), number)
        .some(({ author }) => author.endsWith("[bot]")),
    ),
  );
  expect(await tasksOn(number)).toEqual([]);
});

test(
  "a review with a hundred comments is one task with a hundred threads",
  { timeout: 120_000 },
  async () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`);
    const { number } = await ourPull({ "long.txt": `${lines.join("\n")}\n` });
    const comments = lines.map((_, index) => ({
      path: "long.txt",
      line: index + 1,
      body: `Remark ${index}`,
    }));
    await alice().review(repository(), number, { event: "COMMENT", comments });
    const task = await open().until("its task is made", async () => (await tasksOn(number))[0]);
    const { review } = contextOf(task);
    expect(review?.threads).toHaveLength(100);
    expect(review?.leftOut).toBe(0);
    expect(await tasksOn(number)).toHaveLength(1);
    // How they are answered, at GitHub's pace, is the review loop's story.
    await alice().comment(repository(), number, "/claude stop");
    await open().untilReported(number);
  },
);

test("a comment on a line that a push has taken away keeps its line, and the hunk as it was", async () => {
  const { number, issueNumber } = await ourPull();
  const { id } = await alice().reviewComment(repository(), number, {
    ...{ path: "turn.txt", line: 2, body: "Why again?" },
  });
  const branch = Object.keys(await open().github.branches(repository())).find((name) =>
    name.startsWith(`claude/${issueNumber}-`),
  );
  await open().github.commit(repository(), {
    ...{ branch: branch ?? "", files: { "turn.txt": "all new\n" }, by: "alice" },
  });
  open().model.script(writeFiles({ "turn.txt": "turned at last\n" }));
  await alice().replyToReviewComment(repository(), number, id, "/claude say it once");
  const tasks = await open().until("the answer has its task", async () => {
    const found = (await tasksOn(number)).filter(({ trigger }) => trigger === "review-comment");
    return found.length === 1 && found[0]?.reportedAt !== null ? found : null;
  });
  const { review } = contextOf(tasks[0] ?? fail());
  expect(review?.threads).toMatchObject([{ commentId: id, path: "turn.txt", line: 2 }]);
  expect(review?.threads[0]?.diffHunk).toContain("+again");
});

test("what people without access say in a thread is left out and counted", async () => {
  const { number } = await ourPull();
  const bob = open().github.as("bob");
  const { id } = await bob.reviewComment(repository(), number, {
    path: "turn.txt",
    line: 1,
    body: "Delete it.",
  });
  const at = { path: "turn.txt", line: 2, body: "Second line." };
  await open().until("a second has passed", () => Promise.resolve(olderThanNow(id)), 5_000);
  await alice().review(repository(), number, { event: "COMMENT", body: "See below.", comments: [at] });
  await alice().replyToReviewComment(repository(), number, id, "/claude keep it, but shorter");
  const tasks = await open().until("both are tasks", async () => {
    const found = await tasksOn(number);
    return found.length === 2 ? found : null;
  });
  const reply = tasks.find(({ trigger }) => trigger === "review-comment");
  const { review } = contextOf(reply ?? fail());
  expect(review?.threads).toMatchObject([
    { commentId: id, remarks: [{ author: "alice", body: "/claude keep it, but shorter" }] },
  ]);
  expect(review?.leftOut).toBe(1);
});

const seen = new Map<number, number>();
/** GitHub's times are whole seconds. */
function olderThanNow(id: number): boolean {
  const since = seen.get(id) ?? Date.now();
  seen.set(id, since);
  return Date.now() - since > 1_100;
}

function fail(): never {
  throw new Error("expected a task of the reply");
}

test("a person without access asks in the middle of a review: one polite reply, the review goes on", async () => {
  const { number } = await ourPull();
  const bob = open().github.as("bob");
  await bob.reviewComment(repository(), number, {
    path: "turn.txt",
    line: 1,
    body: "/claude delete everything",
  });
  await bob.comment(repository(), number, "I would delete it.");
  await alice().review(repository(), number, { event: "REQUEST_CHANGES", body: "Say it shorter." });
  const task = await open().untilReported(number);
  expect(task.requesterLogin).toBe("alice");
  const bot = open()
    .github.comments(repository(), number)
    .filter(({ author }) => author.endsWith("[bot]"));
  expect(bot.filter(({ body }) => body.includes("needs write access"))).toHaveLength(1);
  expect(await tasksOn(number)).toHaveLength(1);
});
