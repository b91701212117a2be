import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFiles } from "../standins/model/scenarios.ts";
import { resultOf, workOffReview } from "../standins/model/scenarios-review.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { seeReview } from "./see-review.ts";

let world: World;
beforeEach(async (context) => {
  await needBwrap(context);
  world = await openWorld({ scenario: writeFiles({ "a.txt": "one\ntwo\nthree\n", "b.txt": "one\n" }) });
});
afterEach(() => world.close());

const reply = "pulls/create-reply-for-review-comment";
const replies = () =>
  world.github.effects.filter(
    ({ operationId, actor }) => operationId === reply && actor === world.app.botLogin,
  ).length;

test(
  "killed between two answers, the second of which GitHub has taken: no thread is answered twice",
  { timeout: 180_000 },
  async () => {
    const worker = world.spawnWorker();
    const { issueNumber } = await world.ask("/claude begin");
    const first = await world.untilReported(issueNumber);
    const { pull } = first.outcome as { pull: { number: number } };
    world.model.script(
      workOffReview({
        files: { "a.txt": "uno\n", "b.txt": "due\n" },
        result: (threads) => resultOf(threads, () => "done"),
      }),
    );
    // The first answer is written and recorded, the second is written and nobody hears of it.
    world.github.faults.add({ operationId: reply, when: "after", delayMs: 1 });
    world.github.faults.add({ operationId: reply, when: "after", delayMs: 15_000 });
    await world.github.as("alice").review(world.repository, pull.number, {
      event: "COMMENT",
      comments: [
        { path: "a.txt", line: 1, body: "Say uno." },
        { path: "a.txt", line: 2, body: "Drop this." },
        { path: "a.txt", line: 3, body: "And this." },
        { path: "b.txt", line: 1, body: "Say due." },
      ],
    });
    await world.until("the second answer is taken and its receipt held back", () =>
      Promise.resolve(world.github.faults.struck > 1),
    );
    const ended = once(worker, "exit");
    worker.kill("SIGKILL");
    await ended;
    world.github.faults.clear();
    expect(replies()).toBe(2);
    await world.startWorker();
    await world.untilReported(pull.number, { timeoutMs: 90_000 });
    expect(replies()).toBe(4);
    const seen = await seeReview(world, pull.number);
    expect(seen.map(({ resolved, answers }) => [resolved, answers.length])).toEqual([
      [true, 1],
      [true, 1],
      [true, 1],
      [true, 1],
    ]);
  },
);
