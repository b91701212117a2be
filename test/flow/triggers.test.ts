import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";

let world: World;
beforeEach(async (context) => {
  await needBwrap(context);
  world = await openWorld({ scenario: writeFiles({ "turn.txt": "turned\n" }) });
  await world.startWorker();
});
afterEach(() => world.close());

test("the label starts a task from title and body, and eyes go on the issue", async () => {
  const alice = world.github.as("alice");
  const issue = await alice.createIssue(world.repository, {
    title: "Make it turn",
    body: "It stands still.",
  });
  await alice.addLabel(world.repository, issue.number, "claude");
  const task = await world.untilReported(issue.number);
  expect(task).toMatchObject({ trigger: "label", status: "completed", requesterLogin: "alice" });
  expect(task.prompt).toContain("It stands still.");
  expect(await world.github.pullRequests(world.repository)).toHaveLength(1);
  const contents = world.github.reactions(world.repository, issue.number).map(({ content }) => content);
  expect(contents).toEqual(["eyes", "rocket"]);
});

test("another label starts nothing", async () => {
  const alice = world.github.as("alice");
  const issue = await alice.createIssue(world.repository, { title: "Make it turn" });
  await alice.addLabel(world.repository, issue.number, "bug");
  const { issueNumber } = await world.ask("/claude write turn.txt");
  await world.untilReported(issueNumber);
  expect((await world.tasks()).map((task) => task.issueNumber)).toEqual([issueNumber]);
});

test("a second command on the issue goes on in the same conversation, branch and pull request", async () => {
  const { issueNumber } = await world.ask("/claude write turn.txt");
  await world.untilReported(issueNumber);
  world.model.script(writeFiles({ "again.txt": "again\n" }));
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude and again.txt too");
  const second = await world.untilReported(issueNumber, { count: 2 });
  expect(second.status).toBe("completed");
  const pulls = await world.github.pullRequests(world.repository);
  expect(pulls.map(({ files }) => files.map(({ path }) => path).sort())).toEqual([["again.txt", "turn.txt"]]);
  const [first] = (await world.tasks()).reverse();
  expect(second.sessionId).toBe(first?.sessionId);
  expect(
    world.github.comments(world.repository, issueNumber).filter(({ author }) => author.endsWith("[bot]")),
  ).toHaveLength(2);
  // The first turn's words are in the model's request of the second: the conversation went on.
  const lastBody = world.model.requests.at(-1)?.rawBody.toString("utf8") ?? "";
  expect(lastBody).toContain("write turn.txt");
  const commits = await world.github.commits(world.repository, pulls[0]?.head ?? "");
  expect(commits.slice(0, 2).every(({ message }) => message.includes("Remote-Claude-Task:"))).toBe(true);
});

test("a quote, code, a comment in HTML and the middle of a line start nothing", async () => {
  const silent = [
    "> /claude write turn.txt",
    "```\n/claude write turn.txt\n```",
    "    /claude write turn.txt",
    "<!--\n/claude write turn.txt\n-->",
    "please /claude write turn.txt",
  ];
  for (const body of silent) await world.ask(body);
  const { issueNumber } = await world.ask("/claude write turn.txt");
  await world.untilReported(issueNumber);
  expect(await world.tasks()).toHaveLength(1);
});

test("an edited comment starts nothing", async () => {
  const alice = world.github.as("alice");
  const quiet = await world.ask("never mind");
  await alice.editComment(world.repository, quiet.commentId, "/claude write turn.txt");
  const { issueNumber } = await world.ask("/claude write turn.txt");
  await world.untilReported(issueNumber);
  expect(await world.tasks()).toHaveLength(1);
});

test("a person without write access gets one polite reply in the thread, and no work starts", async () => {
  const bob = world.github.as("bob");
  const issue = await bob.createIssue(world.repository, { title: "Please" });
  await bob.comment(world.repository, issue.number, "/claude write turn.txt");
  await bob.comment(world.repository, issue.number, "/claude write turn.txt now");
  const { issueNumber } = await world.ask("/claude write turn.txt");
  await world.untilReported(issueNumber);
  await world.github.drained();
  const replies = world.github
    .comments(world.repository, issue.number)
    .filter(({ author }) => author.endsWith("[bot]"));
  expect(replies).toHaveLength(1);
  expect(replies[0]?.body).toContain("write access");
  expect(await world.tasks()).toHaveLength(1);
  expect(world.github.reactions(world.repository, issue.number)).toEqual([]);
});

test("a verb without a pull request, a slip and help are answered without work", async () => {
  const asked = [
    ["/claude rebase", "is about a pull request"],
    ["/claude stpo", "/claude stop"],
    ["/claude help", "Write `/claude`"],
    ["/claude status", "Nothing"],
    ["/claude stop", "nothing to stop"],
  ] as const;
  for (const [command, answer] of asked) {
    const { issueNumber } = await world.ask(command);
    const said = await world.until(`the bot answers ${command}`, () =>
      Promise.resolve(
        world.github.comments(world.repository, issueNumber).find(({ author }) => author.endsWith("[bot]")),
      ),
    );
    expect(said.body).toContain(answer);
  }
  expect(await world.tasks()).toEqual([]);
});
