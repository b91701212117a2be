import type { Pull, ReviewComment, ReviewThread } from "./state.ts";

export type ThreadWithComments = { thread: ReviewThread; comments: ReviewComment[] };

/** The conversations at lines of a pull request, oldest first, each with its comments; one without comments is gone. */
export function threadsOf(pull: Pull): ThreadWithComments[] {
  const threads = new Map<number, ThreadWithComments>();
  for (const comment of pull.comments) {
    const known = threads.get(comment.thread.id);
    if (known === undefined) threads.set(comment.thread.id, { thread: comment.thread, comments: [comment] });
    else known.comments.push(comment);
  }
  return [...threads.values()];
}
