import { expect, test } from "vitest";
import { writeFiles } from "../standins/model/scenarios.ts";
import { resultOf, workOffReview } from "../standins/model/scenarios-review.ts";
import { seeReview } from "./see-review.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const world = shareWorld({ files: { "README.md": "# widgets\n" } });
const count = 100;
const lines = (word: string) => Array.from({ length: count }, (_, at) => `${word} ${at}\n`).join("");

test(
  "a review with 100 comments: an answer each at GitHub's pace, all resolved",
  { timeout: 300_000 },
  async () => {
    world().model.script(writeFiles({ "long.txt": lines("line") }));
    const { issueNumber } = await world().ask("/claude begin");
    const first = await world().untilReported(issueNumber);
    const { pull } = first.outcome as { pull: { number: number } };
    world().model.script(
      workOffReview({
        files: { "long.txt": lines("mended") },
        result: (threads) => resultOf(threads, () => "done"),
      }),
    );
    const since = performance.now();
    await world()
      .github.as("alice")
      .review(world().repository, pull.number, {
        event: "REQUEST_CHANGES",
        comments: Array.from({ length: count }, (_, at) => ({
          path: "long.txt",
          line: at + 1,
          body: `Mend line ${at}.`,
        })),
      });
    const task = await world().untilReported(pull.number, { timeoutMs: 240_000 });
    expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
    const seen = await seeReview(world(), pull.number);
    expect(seen).toHaveLength(count);
    expect(seen.every(({ resolved, answers }) => resolved && answers.length === 1)).toBe(true);
    expect((await seeThread(world(), pull.number)).said.at(-1)).toContain(
      "of 100 threads, 100 handled (100 resolved)",
    );
    // 80 writes a minute after the first 20.
    expect(performance.now() - since).toBeGreaterThan(30_000);
  },
);
