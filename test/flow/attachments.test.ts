import { afterEach, beforeEach, expect, test } from "vitest";
import { answer, use, type Scenario } from "../standins/model/reply.ts";
import { bash, writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World, type WorldOptions } from "../support/world.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

let world: World;
beforeEach((context) => needBwrap(context));
afterEach(() => world.close());

async function open(options: WorldOptions): Promise<void> {
  world = await openWorld(options);
  await world.startWorker();
}

/** Looks at every attached file that the prompt names, then does the work. */
const lookAtAttachments: Scenario = (call) => {
  if (call.turn > 0) return writeFiles({ "turn.txt": "turned\n" })({ ...call, turn: call.turn - 1 });
  const paths = [...call.prompt.matchAll(/^- (\/workspace\/attachments\/\S+) \(/gm)].map(([, path]) => path);
  return answer(
    "I'll look at what was attached.",
    ...paths.map((path) => use("Read", { file_path: path })),
    bash("cd /workspace && ls attachments && git -C repo status --porcelain", "List the attachments"),
  );
};

const seenByModel = () => world.model.requests.map(({ rawBody }) => rawBody.toString("utf8")).join("\n");
const attach = (name: string, data: Buffer | string) =>
  world.github.as("alice").attach(world.repository, { name, data });
const said = (issueNumber: number) =>
  world.github.comments(world.repository, issueNumber).filter(({ author }) => author.endsWith("[bot]"));
const asked = (path: string) => world.github.requests.filter((request) => request.path.includes(path));

test("what is attached to issue, comment and request is there to be read, and what is not is named", async () => {
  await open({ scenario: lookAtAttachments });
  const { github, repository } = world;
  const shot = attach("Screenshot.jpg", png);
  const log = attach("crash.log", "TypeError: x is not a function at the 17th widget\n");
  const huge = attach("huge.log", Buffer.alloc(10 * 1024 * 1024 + 1, "x"));
  const hidden = attach("hidden.log", "nobody sees this");
  const byBob = github.as("bob").attach(repository, { name: "bob.log", data: "from a stranger" });
  const alice = github.as("alice");
  const issue = await alice.createIssue(repository, {
    title: "Widgets are broken",
    body: `Like this:\n\n${shot.markdown}\n\n![badge](http://127.0.0.1:9/badge.svg)\n\n<!-- ${hidden.markdown} -->`,
  });
  await alice.comment(repository, issue.number, `The log: ${log.markdown} and ${huge.markdown}`);
  await github.as("bob").comment(repository, issue.number, byBob.markdown);
  // GitHub's times have whole seconds: what stood in the trigger's own second is not taken for older.
  const second = Math.floor(Date.now() / 1_000);
  await world.until("the second is over", () => Promise.resolve(Math.floor(Date.now() / 1_000) > second));
  const mine = attach("expected.txt", "17 widgets turn");
  await alice.comment(repository, issue.number, `/claude make them turn as in ${mine.markdown}`);
  const task = await world.untilReported(issue.number);
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });

  expect(task.prompt).toContain(
    "- /workspace/attachments/01-image.png (PNG image, 70 B): the 1st image in the issue by alice",
  );
  expect(task.prompt).toMatch(
    /- \/workspace\/attachments\/02-crash\.log \(text, 50 B\): \S+ in the comment of alice at /,
  );
  expect(task.prompt).toMatch(
    /- \/workspace\/attachments\/04-expected\.txt \(text, 15 B\): \S+ in the request of alice/,
  );
  const seen = seenByModel();
  expect(seen).toContain("TypeError: x is not a function at the 17th widget");
  expect(seen).toContain("17 widgets turn");
  expect(seen).toContain('"media_type":"image/png"');
  expect(seen).toContain("01-image.png\\n02-crash.log\\n04-expected.txt");
  expect(seen).not.toMatch(/nobody sees this|from a stranger/);

  const [status] = said(issue.number);
  expect(status?.body).toContain("2 attachments were skipped:");
  expect(status?.body).toContain("- `huge.log`: larger than 10 MiB");
  expect(status?.body).toContain("- `127.0.0.1:9`: not fetched: not attached to GitHub");
  expect(asked(new URL(hidden.url).pathname)).toEqual([]);
  expect(asked(new URL(byBob.url).pathname)).toEqual([]);
  expect((await github.pullRequests(repository))[0]?.files.map(({ path }) => path)).toEqual(["turn.txt"]);
});

test("in a private repository the screenshot comes, and every turn has the files of its own thread", async () => {
  await open({ scenario: lookAtAttachments, private: true });
  const shot = attach("shot.png", png);
  const alice = world.github.as("alice");
  const { issueNumber, commentId } = await world.ask(`/claude make it look like ${shot.markdown}`);
  const first = await world.untilReported(issueNumber);
  expect(first.prompt).toContain(
    "/workspace/attachments/01-image.png (PNG image, 70 B): the 1st image in the request of alice",
  );
  expect(seenByModel()).toContain('"media_type":"image/png"');
  await alice.comment(world.repository, issueNumber, "/claude and once more");
  const second = await world.untilReported(issueNumber, { count: 2 });
  expect(second.prompt).toContain(
    "/workspace/attachments/01-image.png (PNG image, 70 B): the 1st image in the comment of alice at ",
  );
  await alice.deleteComment(world.repository, commentId);
  await alice.comment(world.repository, issueNumber, "/claude and again");
  const third = await world.untilReported(issueNumber, { count: 3 });
  expect(third).toMatchObject({ status: "completed" });
  expect(third.prompt).not.toContain("/workspace/attachments");
  expect(seenByModel()).toContain("cannot access 'attachments'");
});

test("a GitHub that gives no file does not end the task", async () => {
  await open({ scenario: lookAtAttachments });
  const log = attach("crash.log", "text");
  world.github.faults.add({ path: /user-attachments/, when: "before", status: 503, times: 99 });
  const { issueNumber } = await world.ask(`/claude mend ${log.markdown}`);
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "completed" });
  expect(said(issueNumber)[0]?.body).toContain("1 attachment was skipped:");
});
