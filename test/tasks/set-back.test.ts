import { expect, test } from "vitest";
import { afterSetback } from "../../src/tasks/set-back.ts";

const minuteMs = 60_000;
const storage = { kind: "away", what: "the storage for checkpoints", retryAfterMs: undefined } as const;
const lost = { kind: "lost", what: "the sandbox", retryAfterMs: undefined } as const;

test.each([
  [{ lost: 1, away: 0, awayMs: 0 }, lost, 1_000],
  [{ lost: 2, away: 0, awayMs: 0 }, lost, 1_000],
  [{ lost: 0, away: 1, awayMs: 0 }, storage, 1_000],
  [{ lost: 0, away: 3, awayMs: 9_000 }, storage, 4_000],
  [{ lost: 0, away: 40, awayMs: 14 * minuteMs }, storage, 30_000],
  [{ lost: 2, away: 1, awayMs: 0 }, { ...storage, retryAfterMs: 12_000 }, 12_000],
  [{ lost: 0, away: 1, awayMs: 0 }, { ...storage, retryAfterMs: 10 * minuteMs }, 30_000],
])("%j is tried again", (setbacks, error, retryAfterMs) => {
  expect(afterSetback(setbacks, error)).toEqual({ kind: "retry", retryAfterMs });
});

test.each([
  [{ lost: 3, away: 0, awayMs: 0 }, lost, "The sandbox was lost 3 times during this task, so it was ended."],
  [
    { lost: 0, away: 33, awayMs: 15.5 * minuteMs },
    storage,
    "The storage for checkpoints could not be reached for 15 minutes, so the task was ended.",
  ],
])("%j is the end", (setbacks, error, message) => {
  expect(afterSetback(setbacks, error)).toEqual({ kind: "end", message });
});
