import type { ReviewRemark } from "../github/read-review.ts";
import type { FreezeInput } from "../tasks/freeze-context.ts";
import type { FrozenReview } from "../tasks/frozen-context.ts";
import type { ReviewedPull } from "./payloads.ts";

/** The states of a submitted review; null for a dismissed one, and for what GitHub may add. */
export function toReviewState(state: string): FrozenReview["state"] {
  const known = state.toLowerCase();
  return known === "approved" || known === "commented" || known === "changes_requested" ? known : null;
}

/** "Add single comment" and every answer in a thread come as a review of their own, with one comment and no words. */
export function isLoneComment(
  review: { state: string; body: string | null },
  asked: readonly ReviewRemark[],
): boolean {
  return asked.length === 1 && (review.body ?? "") === "" && review.state.toLowerCase() === "commented";
}

/** A pull request of a payload as the thread of a task. */
export function toIssue({ number, id, html_url, title, body, user }: ReviewedPull): FreezeInput["issue"] {
  return { number, id, html_url, title, body, user };
}
