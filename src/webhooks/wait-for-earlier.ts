import { setTimeout as delay } from "node:timers/promises";
import { hasEarlierCommand } from "./delivery-store.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

const pollMs = 100;

/** An earlier delivery that fails and is tried again must not hold up the later ones for longer. */
const patienceMs = 3_000;

/**
 * Commands that were written on one thread in the same second are handled side by side. Before one becomes a task, those
 * written before it must have, so that they are worked on in the order in which they were written.
 */
export async function waitForEarlier(deps: Pick<TriggerDeps, "system">, event: ThreadEvent): Promise<void> {
  const { commentId, repository, issueNumber } = event;
  if (commentId === null || event.commentKind === "review-comment") return;
  const until = performance.now() + patienceMs;
  const earlier = { repositoryId: repository.id, issueNumber, commentId };
  while (performance.now() < until && (await hasEarlierCommand(deps.system, earlier))) await delay(pollMs);
}
