import { expect, test } from "vitest";
import { holdBack, writeFiles } from "../standins/model/scenarios.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { resultOf, workOffReview } from "../standins/model/scenarios-review.ts";
import { insertReview } from "./insert-review.ts";
import { resolveAs, seeReview } from "./see-review.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const world = shareWorld({ files: { "README.md": "# widgets\n" } }, ({ github, repository }) => {
  github.createUser("carol");
  github.setRole(repository, "carol", "write");
});

const files = { "a.txt": "one\ntwo\nthree\n", "b.txt": "one\n", "c.txt": "one\n" };

/** A pull request of ours with three files, and a review of it. */
async function begin(comments: { path: string; line: number; body: string }[]) {
  world().model.script(writeFiles(files));
  const { issueNumber } = await world().ask("/claude begin");
  const task = await world().untilReported(issueNumber);
  if (task.outcome === null || !("pull" in (task.outcome as object))) throw new Error("no pull request");
  const { pull } = task.outcome as { pull: { number: number } };
  const written = await world()
    .github.as("alice")
    .review(world().repository, pull.number, { event: "REQUEST_CHANGES", body: "Please mend.", comments });
  await world().github.drained();
  return { pullNumber: pull.number, review: { id: written.id, body: "Please mend." } };
}

async function work(
  { pullNumber, review }: Awaited<ReturnType<typeof begin>>,
  scenario: Scenario,
  meanwhile?: () => Promise<unknown>,
) {
  const held = holdBack(scenario);
  world().model.script(held.scenario);
  await insertReview(world(), { pullNumber, by: "alice", review });
  await held.arrived;
  await meanwhile?.();
  held.release();
  return world().until("the review's task has ended or waits", async () => {
    const task = (await world().tasks()).find(({ issueNumber }) => issueNumber === pullNumber);
    const over = task !== undefined && (task.reportedAt !== null || task.status === "waiting");
    return over ? task : null;
  });
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
  const begun = await begin(three);
  const task = await work(
    begun,
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
  const sha = await headSha(begun.pullNumber);
  const seen = await seeReview(world(), begun.pullNumber);
  expect(seen.map(({ resolved }) => resolved)).toEqual([true, true, false]);
  for (const { answers, commentId } of seen) {
    expect(answers).toHaveLength(1);
    expect(answers[0]).toContain(sha);
    expect(answers[0]?.endsWith(`<!-- remote-claude:thread:${task.id}:${commentId} -->`)).toBe(true);
  }
  expect(seen[0]?.answers[0]).toContain("Handled in");
  expect(seen[2]?.answers[0]).toContain("Not changed");
  expect(seen[2]?.answers[0]).toContain("`@carol`");
  const status = (await seeThread(world(), begun.pullNumber)).said.at(-1);
  expect(status).toContain("of 3 threads, 2 handled (2 resolved), 1 answered, 0 left");
  const effects = world().github.effects.filter(({ actor }) => actor === world().app.botLogin);
  expect(effects.length).toBeGreaterThan(0);
});

test("what is said to be done and is not in the commit stays open, and so does what was not mentioned", async () => {
  const begun = await begin(three);
  await work(
    begun,
    workOffReview({
      files: { "a.txt": "uno\ntwo\nthree\n" },
      result: (threads) => resultOf(threads, (_, index) => (index === 2 ? null : "done")),
    }),
  );
  const seen = await seeReview(world(), begun.pullNumber);
  expect(seen.map(({ resolved }) => resolved)).toEqual([true, false, false]);
  expect(seen[1]?.answers[0]).toContain("does not touch `b.txt`");
  expect(seen[1]?.answers[0]).toContain("It changes `a.txt`");
  expect(seen[2]?.answers[0]).toContain("Not handled: Claude said nothing about this thread");
});

test("nothing had to be changed: the threads are answered, none is resolved", async () => {
  const begun = await begin(three);
  const task = await work(
    begun,
    workOffReview({
      files: {},
      result: (threads) => resultOf(threads, () => "not done: it says so already"),
    }),
  );
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "answered" } });
  const seen = await seeReview(world(), begun.pullNumber);
  expect(seen.map(({ resolved, answers }) => [resolved, answers.length])).toEqual([
    [false, 1],
    [false, 1],
    [false, 1],
  ]);
});

test("a thread that a person resolves meanwhile is left alone; one in which they say more is answered and stays open", async () => {
  const begun = await begin(three);
  await work(
    begun,
    workOffReview({
      files: { "a.txt": "uno\ntwo\nthree\n", "b.txt": "due\n", "c.txt": "tre\n" },
      result: (threads) => resultOf(threads, () => "done"),
    }),
    async () => {
      const [first, second] = await seeReview(world(), begun.pullNumber);
      await resolveAs(world(), "alice", first?.nodeId ?? "");
      await world()
        .github.as("carol")
        .replyToReviewComment(
          world().repository,
          begun.pullNumber,
          second?.commentId ?? 0,
          "And say it loud.",
        );
    },
  );
  const seen = await seeReview(world(), begun.pullNumber);
  expect(seen.map(({ resolved, answers }) => [resolved, answers.length])).toEqual([
    [true, 0],
    [false, 1],
    [true, 1],
  ]);
});
