import { describe, expect, test } from "vitest";
import {
  byWord,
  cutStream,
  endless,
  fail,
  failFirst,
  hang,
  killHarness,
  writeFiles,
} from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** One world, in which all of it happens at once: the pauses between the attempts are waited for only once. */

const work = writeFiles({ "turn.txt": "turned\n" });
/** The API says so where its client need not try again; the bot's own attempts remain. */
const noRetry = { "x-should-retry": "false" };

const world = shareWorld({
  env: { WORKER_CONCURRENCY: "12", ACCOUNT_MAX_PARALLEL_TASKS: "12" },
  scenario: byWord({
    "limited-once": failFirst(1, fail(429, { "retry-after": "1" }), work),
    "limited-for-ever": fail(429, noRetry),
    "overloaded-for-ever": fail(529, noRetry),
    "cut-once": failFirst(1, cutStream(), work),
    "silent-for-ever": hang(),
    "busy-for-ever": endless("sleep 5"),
    "one-turn-only": endless(),
    "killed-from-within": killHarness(),
  }),
});

const timeoutMs = 240_000;

describe.concurrent("it passes", { timeout: timeoutMs }, () => {
  test.each([["limited-once"], ["cut-once"]])("%s: the task is completed", async (word) => {
    const { issueNumber, commentId } = await world().ask(`/claude write turn.txt, ${word}`);
    const task = await world().untilReported(issueNumber, { timeoutMs });
    expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
    const seen = await seeThread(world(), issueNumber, commentId);
    expect(seen.said).toEqual([expect.stringContaining("a draft to review")]);
    expect(seen.reactions).toEqual(["eyes", "rocket"]);
    expect(seen.pulls.map(({ files }) => files.map(({ path }) => path))).toEqual([["turn.txt"]]);
  });
});

type Ending = {
  command: string;
  task: { status: string; outcome: object };
  /** What the person reads. */
  words: readonly string[];
};

const endings: Ending[] = [
  {
    command: "limited-for-ever",
    task: { status: "failed", outcome: { code: "model-429", fault: "model" } },
    words: ["**Failed**", "rate-limiting", "Repeat the command later"],
  },
  {
    command: "overloaded-for-ever",
    task: { status: "failed", outcome: { code: "model-529", fault: "model" } },
    words: ["**Failed**", "overloaded", "Repeat the command later"],
  },
  {
    command: "--timeout 1 silent-for-ever",
    task: { status: "timeout", outcome: { kind: "timeout", afterMs: 60_000 } },
    words: ["**Stopped after 1 min**", "--timeout"],
  },
  {
    command: "--timeout 1 busy-for-ever",
    task: { status: "timeout", outcome: { kind: "timeout", afterMs: 60_000 } },
    words: ["**Stopped after 1 min**", "--timeout"],
  },
  {
    command: "--max-turns 1 one-turn-only",
    task: { status: "failed", outcome: { code: "max-turns", fault: "user" } },
    words: ["**Failed**", "used up all the turns", "--max-turns"],
  },
  {
    command: "killed-from-within",
    task: { status: "failed", outcome: { code: "agent-crashed", fault: "platform" } },
    words: ["**Failed**", "Claude Code ended", "Repeat the command"],
  },
];

describe.concurrent("it stays", { timeout: timeoutMs }, () => {
  test.each(endings)("$command: the task ends, once, and says why", async ({ command, task, words }) => {
    const { issueNumber, commentId } = await world().ask(`/claude ${command}`);
    expect(await world().untilReported(issueNumber, { timeoutMs })).toMatchObject(task);
    const seen = await seeThread(world(), issueNumber, commentId);
    expect(seen.said).toHaveLength(1);
    for (const part of words) expect(seen.said[0]).toContain(part);
    expect(seen).toMatchObject({ reactions: ["eyes", "confused"], branches: [], pulls: [] });
  });
});

test("the model was asked five times by the bot, and not for ever", () => {
  const asked = world().model.requests.filter(
    ({ rawBody, status }) => status === 429 && rawBody.includes("limited-for-ever"),
  );
  expect(asked).toHaveLength(5);
});
