import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import type { ReviewThreadState } from "../github/review-threads.ts";
import { resolveThreads } from "../github/resolve-threads.ts";
import type { Attempt } from "./attempt.ts";
import type { FrozenReviewThread } from "./frozen-context.ts";
import { legStep } from "./leg-step.ts";
import type { ThreadAnswer } from "./review-answers.ts";
import type { ThreadStates } from "./review-states.ts";
import { findStep } from "./step-store.ts";
import { holderOf, runStep } from "./steps.ts";
import type { Task } from "./task-store.ts";

/**
 * Resolves what this leg has handled, a step; answers the first comments of those that are resolved now. A thread in which
 * somebody has said more since the task began stays open: nobody has read that yet.
 */
export async function resolveHandled(
  deps: Pick<Deps, "db" | "system" | "github">,
  attempt: Attempt,
  input: {
    threads: readonly FrozenReviewThread[];
    answers: ReadonlyMap<number, ThreadAnswer>;
    states: ThreadStates;
  },
): Promise<number[]> {
  const { task } = attempt.claim;
  const handled = input.threads.filter(({ commentId }) => {
    const answer = input.answers.get(commentId);
    return answer?.kind === "said" && answer.as === "handled" && answer.leg === task.leg;
  });
  const earlier = await resolvedBefore(deps, task);
  if (handled.length === 0) return earlier;
  const resolved = await runStep<number[]>(deps, holderOf(attempt.claim), {
    name: legStep("resolve-threads", task.leg),
    find: () => Promise.resolve(null),
    act: async () => {
      input.states.forget();
      const found: { thread: FrozenReviewThread; state: ReviewThreadState }[] = [];
      for (const thread of handled) {
        const state = await input.states.now(thread.commentId);
        if (state !== undefined) found.push({ thread, state });
      }
      const open = found.filter(({ thread, state }) => !state.resolved && !hasNews(thread, state));
      const done = new Set(
        await resolve(
          deps,
          attempt,
          open.map(({ state }) => state.nodeId),
        ),
      );
      return found
        .filter(({ state }) => state.resolved || done.has(state.nodeId))
        .map(({ thread }) => thread.commentId);
    },
  });
  return [...earlier, ...resolved];
}

/** What the earlier legs of the task have resolved. */
async function resolvedBefore(deps: Pick<Deps, "db">, task: Task): Promise<number[]> {
  const legs = Array.from({ length: task.leg - 1 }, (_, index) => legStep("resolve-threads", index + 1));
  const steps = await withAccount(deps.db, task.accountId, (tx) =>
    Promise.all(legs.map((name) => findStep(tx, task.id, name))),
  );
  return steps.flatMap((step) => (step === null ? [] : (step.result as number[])));
}

/** GitHub's ids rise with time. */
function hasNews({ commentId, remarks }: FrozenReviewThread, { comments }: ReviewThreadState): boolean {
  const last = Math.max(commentId, ...remarks.map(({ id }) => id));
  return comments.some(({ id, byBot }) => !byBot && id > last);
}

async function resolve(
  deps: Pick<Deps, "system" | "github">,
  { claim, watch }: Attempt,
  nodeIds: readonly string[],
): Promise<string[]> {
  if (nodeIds.length === 0) return [];
  const { installationId, repositoryId } = claim.task;
  const writer = await deps.github.openRepository({
    ...{ installationId, repositoryId },
    permissions: { contents: "write", pull_requests: "write" },
  });
  try {
    return await resolveThreads(deps, writer.octokit, { installationId, nodeIds, signal: watch.signal });
  } finally {
    await writer.revoke();
  }
}
