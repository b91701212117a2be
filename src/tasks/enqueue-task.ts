import type { Tx } from "../../db/client.ts";
import type { Queue } from "../queue/queue.ts";
import type { ParallelLimits } from "./line-places.ts";
import { findPlace, readSlots, type Place } from "./place-store.ts";
import { takeQueueTurn } from "./queue-turn-store.ts";

/** The queue's priority is a 32-bit number; counted from here it lasts for 68 years. */
const epochSeconds = Date.UTC(2026, 0, 1) / 1_000;

/**
 * Puts a task into the line with a job of its own, in the caller's transaction: in order within its session, in its account
 * as many at once as it has slots, and of those that may run the one whose turn is first. A woken task keeps its turn and
 * its limits, which the claim holds it to.
 */
export async function enqueueTask(
  deps: { queue: Pick<Queue, "enqueue"> },
  tx: Tx,
  input: { taskId: string; accountId: string; sessionId: string; limits?: ParallelLimits },
): Promise<Place> {
  const { taskId, accountId, sessionId } = input;
  const turn = await takeQueueTurn(tx, input);
  const place = await findPlace(tx, input);
  await deps.queue.enqueue(
    tx,
    "run-task",
    { taskId, accountId },
    {
      key: sessionId,
      group: { id: accountId, limit: await readSlots(tx, accountId) },
      priority: epochSeconds - turn,
    },
  );
  return place;
}
