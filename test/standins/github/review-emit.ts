import { accountOf } from "./call.ts";
import type { RepositoryCall } from "./call.ts";
import { pullSummary, reviewCommentFacts, reviewFacts } from "./facts-pulls.ts";
import type { JsonObject } from "./json.ts";
import { nodeId } from "./facts.ts";
import type { Account, Issue, Repository, Review, ReviewComment, ReviewThread } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

/** Tells the Apps that a review was submitted, or what became of it. */
export function emitReview(
  world: World,
  call: RepositoryCall,
  input: { issue: Issue; review: Review; action?: "submitted" | "edited" | "dismissed"; facts?: JsonObject },
): void {
  const { repository } = call;
  const { issue, review, action = "submitted" } = input;
  const facts = reviewFacts(world, repository, issue, review);
  world.emit({
    event: "pull_request_review",
    action,
    repository,
    sender: accountOf(call.actor),
    facts: {
      pull_request: pullSummary(world, repository, issue),
      // The API shouts the state, the webhook does not.
      review: { ...facts, state: review.state.toLowerCase(), body: review.body === "" ? null : review.body },
      ...input.facts,
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

/** Tells the Apps that a conversation was resolved, or is open again. */
export function emitReviewThread(
  world: World,
  input: {
    repository: Repository;
    sender: Account;
    issue: Issue;
    thread: ReviewThread;
    comments: readonly ReviewComment[];
    action: "resolved" | "unresolved";
  },
): void {
  const { repository, sender, issue, thread, action } = input;
  const comments = input.comments.map((comment) => reviewCommentFacts(world, repository, issue, comment));
  world.emit({
    event: "pull_request_review_thread",
    action,
    repository,
    sender,
    facts: {
      pull_request: pullSummary(world, repository, issue),
      thread: { node_id: nodeId("PRRT", thread.id), comments },
      updated_at: stamp(world),
    },
  });
}
