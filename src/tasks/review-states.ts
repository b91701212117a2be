import type { Deps } from "../deps.ts";
import { readReviewThreads, type ReviewThreadState } from "../github/review-threads.ts";
import type { Attempt } from "./attempt.ts";

/** How the threads of the pull request stand on GitHub. */
export type ThreadStates = {
  /** As it stood some seconds ago at most; undefined: GitHub has no thread that begins with this comment. */
  now(commentId: number): Promise<ReviewThreadState | undefined>;
  /** What is known is read again at the next look. */
  forget(): void;
};

/** Answers are written at a pace of one a second; people resolve threads meanwhile. */
const freshMs = 5_000;

/** The threads, read again when what is known has become old. */
export function openThreadStates(
  { clock }: Pick<Deps, "clock">,
  { reader, repository }: Pick<Attempt, "reader" | "repository">,
  pullNumber: number,
): ThreadStates {
  let known: { at: number; states: Map<number, ReviewThreadState> } | null = null;
  return {
    async now(commentId) {
      const at = clock.now().getTime();
      if (known === null || at - known.at > freshMs) {
        const threads = await readReviewThreads(reader.octokit, { repository, pullNumber });
        const states = threads.flatMap((thread) =>
          thread.commentId === null ? [] : [[thread.commentId, thread] as const],
        );
        known = { at, states: new Map(states) };
      }
      return known.states.get(commentId);
    },
    forget() {
      known = null;
    },
  };
}
