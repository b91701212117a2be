import { expect, test } from "vitest";
import { inTurn, writeFiles } from "../standins/model/scenarios.ts";
import { resultOf, workOffReview } from "../standins/model/scenarios-review.ts";
import { seeReview } from "./see-review.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const world = shareWorld({ files: { "README.md": "# widgets\n" } }, ({ github, repository }) => {
  github.createUser("carol");
  github.setRole(repository, "carol", "write");
});
const alice = () => world().github.as("alice");
const modelCalls = () => world().model.requests.filter(({ url }) => url.startsWith("/v1/messages")).length;

const waiting = (what: string, thread: number) =>
  world().until(what, async () => {
    const task = (await world().tasks()).find(({ issueNumber }) => issueNumber === thread);
    return task?.status === "waiting" ? task : null;
  });
const status = async (thread: number) => (await seeThread(world(), thread)).said.at(-1) ?? "";

test("questions are asked once the rest is pushed, and the answer goes on in the same conversation", async () => {
  world().model.script(
    inTurn(
      workOffReview({
        files: { "a.txt": "one\n" },
        result: () =>
          resultOf([], () => null, "## Questions\n- [ ] Which colour, @alice?\n  - red\n  - blue\n"),
      }),
      writeFiles({ "b.txt": "red\n" }),
    ),
  );
  const { issueNumber } = await world().ask("/claude write it");
  const asked = await waiting("the questions are asked", issueNumber);
  expect(asked).toMatchObject({ leg: 1, question: { kind: "questions", sha: null } });
  await world().until("the thread shows them", async () =>
    (await status(issueNumber)).includes("Which colour"),
  );
  const said = await status(issueNumber);
  expect(said).toMatch(/- \[ \] Which colour, `@alice`\?\n {2}- red\n {2}- blue/);
  expect(said).toMatch(/What does not depend on it is done and in #\d+, at `[0-9a-f]{12}`/);
  const calls = modelCalls();
  const [pull] = (await seeThread(world(), issueNumber)).pulls;
  expect(pull?.files.map(({ path }) => path)).toEqual(["a.txt"]);
  expect(modelCalls()).toBe(calls);
  await alice().comment(world().repository, issueNumber, "/claude red, please");
  const done = await world().until("the answer was worked on", async () => {
    const task = (await world().tasks()).find(({ id }) => id === asked.id);
    return task?.reportedAt === null ? null : task;
  });
  expect(done).toMatchObject({ leg: 2, status: "completed", outcome: { kind: "published" } });
  expect(done.prompt).toContain("alice answers your questions");
  expect(done.prompt).toContain("red, please");
  expect((await seeThread(world(), issueNumber)).pulls[0]?.files.map(({ path }) => path)).toEqual([
    "a.txt",
    "b.txt",
  ]);
});

test("two reviewers want opposite things: the rest is done, and one question names both threads", async () => {
  world().model.script(writeFiles({ "a.txt": "one\n", "b.txt": "one\n" }));
  const { issueNumber } = await world().ask("/claude begin");
  const first = await world().untilReported(issueNumber);
  const { pull } = first.outcome as { pull: { number: number } };
  const opposite = (ids: number[]) =>
    `## Contradictions\n- Thread ${ids[0]} and Thread ${ids[1]}: uno or un? I suggest uno.\n`;
  world().model.script(
    inTurn(
      workOffReview({
        files: { "b.txt": "due\n" },
        result: (threads) =>
          resultOf(
            threads,
            (_, index) => (index === 2 ? "done" : null),
            opposite(threads.map(({ id }) => id)),
          ),
      }),
      // The conversation goes on: the prompt does not tell the threads again.
      workOffReview({
        files: { "a.txt": "uno\n" },
        result: () =>
          resultOf(
            ids.slice(0, 2).map((id) => ({ id, path: "a.txt" })),
            (_, index) => (index === 0 ? "done" : "not done: alice decided for uno"),
            opposite(ids),
          ),
      }),
    ),
  );
  const remark = (login: string, path: string, body: string) =>
    world().github.as(login).reviewComment(world().repository, pull.number, { path, line: 1, body });
  await remark("alice", "a.txt", "Say uno.");
  await remark("carol", "a.txt", "Do not say uno, say un.");
  await remark("carol", "b.txt", "Say due.");
  const asked = await waiting("the contradiction is asked about", pull.number);
  const ids = (await seeReview(world(), pull.number)).map(({ commentId }) => commentId);
  await world().until("the thread shows it", async () =>
    (await status(pull.number)).includes("opposite things"),
  );
  const said = await status(pull.number);
  for (const id of ids.slice(0, 2)) expect(said).toContain(`#discussion_r${id}`);
  expect(said).toContain("alice on `a.txt` line 1");
  expect(said).toContain("of 3 threads, 1 handled (1 resolved), 0 answered, 0 left, 2 wait for an answer");
  const seen = await seeReview(world(), pull.number);
  expect(seen.map(({ resolved, answers }) => [resolved, answers.length])).toEqual([
    [false, 0],
    [false, 0],
    [true, 1],
  ]);
  await alice().comment(world().repository, pull.number, "/claude uno it is");
  const done = await world().until("the answer was worked on", async () => {
    const task = (await world().tasks()).find(({ id }) => id === asked.id);
    return task?.reportedAt === null ? null : task;
  });
  // What was asked once is not asked again, although the agent names it again.
  expect(done).toMatchObject({ leg: 2, status: "completed", outcome: { kind: "published" } });
  const after = await seeReview(world(), pull.number);
  expect(after.map(({ resolved, answers }) => [resolved, answers.length])).toEqual([
    [true, 1],
    [false, 1],
    [true, 1],
  ]);
  expect(await status(pull.number)).toContain("of 3 threads, 2 handled (2 resolved), 1 answered, 0 left");
});
