import { expect, test } from "vitest";
import { holdBack, writeFiles } from "../standins/model/scenarios.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { resultOf, workOffReview } from "../standins/model/scenarios-review.ts";
import { resolveAs, seeReview } from "./see-review.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const world = shareWorld({ files: { "README.md": "# widgets\n" } });

const files = { "a.txt": "one\ntwo\nthree\n", "b.txt": "one\n", "c.txt": "one\n" };

type Remark = { path: string; line: number; body: string };

/** A pull request of ours with three files. */
async function begin(): Promise<number> {
  world().model.script(writeFiles(files));
  const { issueNumber } = await world().ask("/claude begin");
  const task = await world().untilReported(issueNumber);
  return (task.outcome as { pull: { number: number } }).pull.number;
}

/** alice reviews it; `meanwhile` happens while the model is asked. Answers the review's task when it has ended. */
async function review(
  pullNumber: number,
  comments: Remark[],
  scenario: Scenario,
  meanwhile?: () => Promise<unknown>,
) {
  const held = holdBack(scenario);
  world().model.script(held.scenario);
  await world()
    .github.as("alice")
    .review(world().repository, pullNumber, { event: "REQUEST_CHANGES", body: "Please mend.", comments });
  await held.arrived;
  await meanwhile?.();
  held.release();
  return world().untilReported(pullNumber);
}

const three = [
  { path: "a.txt", line: 1, body: "Say uno." },
  { path: "b.txt", line: 1, body: "Say due." },
  { path: "c.txt", line: 1, body: "Say tre." },
];
const headSha = async (pullNumber: number) =>
  (await world().github.pullRequests(world().repository)).find(({ number }) => number === pullNumber)
    ?.headSha ?? "";

test("a review with three threads is one task: an answer each with the pushed commit, the handled ones resolved", async () => {
  const pullNumber = await begin();
  const task = await review(
    pullNumber,
    three,
    workOffReview({
      files: { "a.txt": "uno\ntwo\nthree\n", "b.txt": "due\n" },
      result: (threads) =>
        resultOf(threads, (_, index) =>
          index === 2 ? "not done: @carol wants it so, see https://evil.example/x" : "done: said so",
        ),
    }),
  );
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
  expect(task.prompt).toContain('file "c.txt", line 1 of the new file');
  expect(task.prompt).toContain("Say tre.");
  expect(task.prompt).toContain("Please mend.");
  const sha = await headSha(pullNumber);
  const seen = await seeReview(world(), pullNumber);
  expect(seen.map(({ resolved }) => resolved)).toEqual([true, true, false]);
  for (const { answers, commentId } of seen) {
    expect(answers).toHaveLength(1);
    expect(answers[0]).toContain(sha);
    expect(answers[0]?.endsWith(`<!-- remote-claude:thread:${task.id}:${commentId} -->`)).toBe(true);
  }
  expect(seen[0]?.answers[0]).toContain("Handled in");
  expect(seen[2]?.answers[0]).toContain("Not changed");
  expect(seen[2]?.answers[0]).toContain("`@carol`");
  const status = (await seeThread(world(), pullNumber)).said.at(-1);
  expect(status).toContain("of 3 threads, 2 handled (2 resolved), 1 answered, 0 left");
  expect((await world().tasks()).filter(({ issueNumber }) => issueNumber === pullNumber)).toHaveLength(1);
});

test("what is said to be done and is not in the commit stays open, and so does what was not mentioned", async () => {
  const pullNumber = await begin();
  await review(
    pullNumber,
    three,
    workOffReview({
      files: { "a.txt": "uno\ntwo\nthree\n" },
      result: (threads) => resultOf(threads, (_, index) => (index === 2 ? null : "done")),
    }),
  );
  const seen = await seeReview(world(), pullNumber);
  expect(seen.map(({ resolved }) => resolved)).toEqual([true, false, false]);
  expect(seen[1]?.answers[0]).toContain("does not touch `b.txt`");
  expect(seen[1]?.answers[0]).toContain("It changes `a.txt`");
  expect(seen[2]?.answers[0]).toContain("Not handled: Claude said nothing about this thread");
});

test("nothing had to be changed: the threads are answered, none is resolved", async () => {
  const pullNumber = await begin();
  const task = await review(
    pullNumber,
    three,
    workOffReview({
      files: {},
      result: (threads) => resultOf(threads, () => "not done: it says so already"),
    }),
  );
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "answered" } });
  const seen = await seeReview(world(), pullNumber);
  expect(seen.map(({ resolved, answers }) => [resolved, answers.length])).toEqual([
    [false, 1],
    [false, 1],
    [false, 1],
  ]);
});

test("a thread that a person resolves meanwhile is left alone; one in which they say more is answered and stays open", async () => {
  const pullNumber = await begin();
  await review(
    pullNumber,
    three,
    workOffReview({
      files: { "a.txt": "uno\ntwo\nthree\n", "b.txt": "due\n", "c.txt": "tre\n" },
      result: (threads) => resultOf(threads, () => "done"),
    }),
    async () => {
      const [first, second] = await seeReview(world(), pullNumber);
      await resolveAs(world(), "alice", first?.nodeId ?? "");
      await world()
        // By somebody whose words begin no task of their own.
        .github.as("bob")
        .replyToReviewComment(world().repository, pullNumber, second?.commentId ?? 0, "And say it loud.");
    },
  );
  const seen = await seeReview(world(), pullNumber);
  expect(seen.map(({ resolved, answers }) => [resolved, answers.length])).toEqual([
    [true, 0],
    [false, 1],
    [true, 1],
  ]);
});
