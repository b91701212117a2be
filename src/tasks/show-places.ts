import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { GitHubRefusal } from "../github/github-error.ts";
import { findPlace, type Place } from "./place-store.ts";
import { sayQueued } from "./say-status.ts";
import { listQueued, takeShowing } from "./shown-place-store.ts";
import type { Task } from "./task-store.ts";
import { placeInLine, whyItWaits } from "./queue-words.ts";
import { withThread } from "./with-thread.ts";

type ShowDeps = Pick<Deps, "db" | "system" | "github" | "log" | "clock">;

/** GitHub's readers are people; more edits than this would only cost the installation's pace. */
const everyMs = 10_000;
/** Further back nobody reads for a change of place. */
const maxShown = 30;

/**
 * Tells the threads of an account's waiting tasks their places where these have changed. Answers in how many milliseconds to
 * come again, because a thread was told something a moment ago; null when all of them know.
 */
export async function showPlaces(
  deps: ShowDeps,
  { accountId }: { accountId: string },
): Promise<number | null> {
  const waiting = await withAccount(deps.db, accountId, (tx) => listQueued(tx, accountId, maxShown));
  let again: number | null = null;
  for (const task of waiting) {
    const { id: taskId, sessionId } = task;
    const { place, turn } = await withAccount(deps.db, accountId, async (tx) => {
      const found = await findPlace(tx, { taskId, sessionId, accountId });
      const text = describe(found);
      return { place: found, turn: await takeShowing(tx, { task, text, now: deps.clock.now(), everyMs }) };
    });
    if (turn === "show") await show(deps, task, place);
    if (turn === "later") again = everyMs;
  }
  return again;
}

/** What of a place is worth an edit: an estimate alone is not. */
function describe(place: Place): string {
  const { place: nth, of } = placeInLine(place);
  return `${nth}/${of} ${whyItWaits(place) ?? ""}`;
}

async function show(deps: ShowDeps, task: Task, place: Place): Promise<void> {
  try {
    await withThread(deps, task, (client) => sayQueued(deps, client, { task, place }));
  } catch (error) {
    // The next task's thread is still there.
    if (!(error instanceof GitHubRefusal)) throw error;
    deps.log.warn({ err: error, taskId: task.id }, "nobody can be told a task's place");
  }
}
