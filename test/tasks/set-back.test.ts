import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { step, task } from "../../db/schema.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { SetbackError } from "../../src/sessions/session-fault.ts";
import type { Claim } from "../../src/tasks/claim-store.ts";
import { afterSetback, setBack } from "../../src/tasks/set-back.ts";
import { createTurn } from "../gateway/fixture.ts";
import { silent } from "../queue/start-worker.ts";
import { createTestDatabase } from "../support/database.ts";

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
    "The storage for checkpoints could not be used for 15 minutes, so the task was ended.",
  ],
])("%j is the end", (setbacks, error, message) => {
  expect(afterSetback(setbacks, error)).toEqual({ kind: "end", message });
});

test("what the operator can mend is said at the end as it stands", async () => {
  const given = await createTestDatabase();
  try {
    const { db, system } = given.database;
    const turn = await createTurn(given.database);
    const [row] = await system.select().from(task).where(eq(task.id, turn.taskId));
    const claim = { task: row, fence: 1 } as Claim;
    const full = new UserError("storage-full", "No room.", "Make some.");
    const again = () =>
      setBack({ db, log: silent }, claim, new SetbackError("away", "the worker's disk", full));
    await expect(again()).rejects.toThrow(TransientError);
    await system
      .update(step)
      .set({ startedAt: new Date(Date.now() - 20 * minuteMs) })
      .where(eq(step.name, "setbacks"));
    expect(await again()).toMatchObject({
      status: "failed",
      fault: "platform",
      outcome: {
        kind: "error",
        code: "storage-full",
        message: "No room.",
        remedy: "Make some.",
        fault: "platform",
      },
    });
  } finally {
    await given.close();
  }
});
