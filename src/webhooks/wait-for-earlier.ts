import { setTimeout as delay } from "node:timers/promises";
import { countEarlierCommands } from "./delivery-store.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

const pollMs = 200;

/** An earlier delivery that fails and is tried again must not hold up the later ones for longer; each that is handled begins it anew. */
const patienceMs = 10_000;

/** A job of the intake has its own end. */
const longestMs = 60_000;

/**
 * Commands that were written on one thread in the same second are handled side by side. Before one becomes a task, those
 * written before it must have, so that they are worked on in the order in which they were written.
 */
export async function waitForEarlier(deps: Pick<TriggerDeps, "system">, event: ThreadEvent): Promise<void> {
  const { commentId, repository, issueNumber } = event;
  if (commentId === null || event.commentKind === "review-comment") return;
  const me = { repositoryId: repository.id, issueNumber, commentId };
  const end = performance.now() + longestMs;
  let patientUntil = 0;
  let fewest = Number.POSITIVE_INFINITY;
  while (performance.now() < end) {
    const earlier = await countEarlierCommands(deps.system, me);
    if (earlier === 0) return;
    if (earlier < fewest) {
      fewest = earlier;
      patientUntil = performance.now() + patienceMs;
    }
    if (performance.now() >= patientUntil) return;
    await delay(pollMs);
  }
}
