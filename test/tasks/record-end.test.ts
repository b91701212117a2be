import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { task } from "../../db/schema.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { recordEnd } from "../../src/tasks/record-end.ts";
import { endOf } from "../../src/tasks/task-end.ts";
import type { Task } from "../../src/tasks/task-store.ts";
import { createLeg, inAccount } from "../billing/fixture.ts";
import { changeTask } from "../gateway/fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let given: TestDatabase;
const minute = 60_000;
const enqueue: Queue["enqueue"] = () => Promise.reject(new Error("expected nothing to be enqueued"));

beforeAll(async () => {
  given = await createTestDatabase();
});
afterAll(() => given.close());

/** As it stands in its row: the end of a task asks nothing of its context. */
async function readTask(taskId: string): Promise<Task> {
  const [row] = await given.database.system.select().from(task).where(eq(task.id, taskId));
  if (row === undefined) throw new Error(`expected the task ${taskId}`);
  return row as Task;
}

test.each([-10, 61])(
  "a worker whose clock is off by %s minutes says how long the task took",
  async (offBy) => {
    const { database } = given;
    const leg = await createLeg(given, [1]);
    await changeTask(database, leg.taskId, { startedAt: new Date(Date.now() - minute) });
    const ending = await readTask(leg.taskId);

    const now = new Date(Date.now() + offBy * minute);
    const end = endOf.completed({ kind: "answered", text: null });
    await inAccount(given, leg, (tx) =>
      recordEnd(
        { queue: { enqueue }, config: { billing: null, limits: { accountMonthMicroUsd: 50_000_000 } } },
        tx,
        { task: ending, end, now },
      ),
    );

    const { durationMs } = (await readTask(leg.taskId)).receipt as { durationMs: number };
    expect(durationMs).toBeGreaterThanOrEqual(minute);
    expect(durationMs).toBeLessThan(2 * minute);
  },
);
