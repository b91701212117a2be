import type { Deps } from "../deps.ts";
import type { Attempt } from "./attempt.ts";
import { answerThreads } from "./review-answers.ts";
import type { ReviewPush } from "./review-judge.ts";
import type { ReviewReport } from "./review-report.ts";
import { resolveHandled } from "./review-resolve.ts";
import { openThreadStates } from "./review-states.ts";
import type { TurnResult } from "./turn-result.ts";

/**
 * Answers a review after its work is on the branch: one answer a thread, then what was handled is resolved. `asked` are the
 * threads about which the task is going to wait for a person; they get their answer then. Null: there is no review.
 */
export async function answerReview(
  deps: Pick<Deps, "db" | "system" | "config" | "github" | "log" | "clock">,
  attempt: Attempt,
  input: { turn: Pick<TurnResult, "threads">; push: ReviewPush; asked: ReadonlySet<number> },
): Promise<ReviewReport | null> {
  const { review, pull } = attempt.claim.task.context;
  if (review === null || pull === null) return null;
  const threads = review.threads.filter(({ commentId }) => !input.asked.has(commentId));
  const states = openThreadStates(deps, attempt, pull.number);
  const { push } = input;
  const answers = await answerThreads(deps, attempt, { threads, words: input.turn.threads, push, states });
  const resolved = await resolveHandled(deps, attempt, { threads, answers, states });
  return { answers, resolved, asked: review.threads.length - threads.length, leftOut: review.leftOut };
}
