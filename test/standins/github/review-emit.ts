import { accountOf } from "./call.ts";
import type { RepositoryCall } from "./call.ts";
import { pullSummary, reviewCommentFacts, reviewFacts } from "./facts-pulls.ts";
import type { JsonObject } from "./json.ts";
import type { Issue, Review, ReviewComment } from "./state.ts";
import type { World } from "./world.ts";

/** Tells the Apps that a review was submitted. */
export function emitReview(world: World, call: RepositoryCall, issue: Issue, review: Review): void {
  const { repository } = call;
  const facts = reviewFacts(world, repository, issue, review);
  world.emit({
    event: "pull_request_review",
    action: "submitted",
    repository,
    sender: accountOf(call.actor),
    facts: {
      pull_request: pullSummary(world, repository, issue),
      // The API shouts the state, the webhook does not.
      review: { ...facts, state: review.state.toLowerCase(), body: review.body === "" ? null : review.body },
    },
  });
}

/** Tells the Apps about an inline comment. */
export function emitReviewComment(
  world: World,
  call: RepositoryCall,
  input: { issue: Issue; comment: ReviewComment; action: string; facts?: JsonObject },
): void {
  const { repository } = call;
  world.emit({
    event: "pull_request_review_comment",
    action: input.action,
    repository,
    sender: accountOf(call.actor),
    facts: {
      pull_request: pullSummary(world, repository, input.issue),
      comment: reviewCommentFacts(world, repository, input.issue, input.comment),
      ...input.facts,
    },
  });
}
