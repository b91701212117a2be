import { setTimeout as delay } from "node:timers/promises";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import type { Claim } from "./claim-store.ts";
import { assertFence } from "./fence-store.ts";
import { giveUpMachine } from "./give-up-machine.ts";
import { recordEnd } from "./record-end.ts";
import { reportTask } from "./report-task.ts";
import { raiseFence } from "./stop-store.ts";
import { endOf } from "./task-end.ts";

/** How long a stopped attempt may still keep what its turn did, after its thread has been told. */
const windDownMs = 60_000;

/**
 * The end of a stopped task whose attempt is not at its end in time: the thread is told now, the attempt may still take its
 * checkpoint. The job goes on meanwhile, so that the session's next task comes after it. What is not over then is cut off: by
 * the fence, and by the end of the machine.
 */
export async function endLate(
  deps: Deps,
  { claim, by, work }: { claim: Claim; by: string; work: Promise<unknown> },
): Promise<void> {
  const { fence } = claim;
  const { id: taskId, accountId, sessionId } = claim.task;
  const task = { ...claim.task, fence };
  await withAccount(deps.db, accountId, async (tx) => {
    await assertFence(tx, { taskId, fence });
    await recordEnd(deps, tx, { task, end: endOf.cancelled(by), now: deps.clock.now(), over: true });
  });
  const ended = settle(deps, taskId, work);
  await reportTask(deps, { taskId, accountId });
  if (await ended) return;
  deps.log.warn({ taskId }, "a stopped task's attempt does not end; it is cut off");
  await withAccount(deps.db, accountId, (tx) => raiseFence(tx, taskId));
  await giveUpMachine(deps, { sessionId });
}

/** True when the work ended in time, well or not. */
async function settle(deps: Pick<Deps, "log">, taskId: string, work: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const ended = work.then(
    () => true,
    (error: unknown) => {
      deps.log.warn({ err: toError(error), taskId }, "the attempt of a stopped task ended with an error");
      return true;
    },
  );
  const tooLong = delay(windDownMs, false, { signal: timer.signal });
  tooLong.catch(() => undefined); // Only its own end.
  try {
    return await Promise.race([ended, tooLong]);
  } finally {
    timer.abort();
  }
}
