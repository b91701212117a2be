import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { touch } from "./emit.ts";
import { reviewFacts } from "./facts-pulls.ts";
import { HttpError } from "./http-error.ts";
import { text } from "./json.ts";
import { checkBody, requireAuthorOr } from "./limits.ts";
import { emitReview } from "./review-emit.ts";
import { reviewOf } from "./review-of.ts";
import type { World } from "./world.ts";

/** What becomes of a submitted review: another text, or its end. */
export const reviewChangeHandlers: Record<string, RepositoryHandler> = {
  "pulls/update-review": updateReview,
  "pulls/dismiss-review": dismissReview,
};

function updateReview(world: World, call: RepositoryCall): Answer {
  const { issue, review } = reviewOf(call);
  requireAuthorOr(world, call, review.author.userId, "write");
  checkBody("PullRequestReview", text(call.body["body"]), true);
  const from = review.body;
  review.body = text(call.body["body"]) ?? "";
  touch(world, issue);
  emitReview(world, call, { issue, review, action: "edited", facts: { changes: { body: { from } } } });
  return { status: 200, facts: reviewFacts(world, call.repository, issue, review) };
}

/** GitHub writes the message into the conversation; here it is only asked for. */
function dismissReview(world: World, call: RepositoryCall): Answer {
  const { issue, review } = reviewOf(call);
  if ((text(call.body["message"]) ?? "").trim() === "")
    throw new HttpError(422, "Can not dismiss a review without a message");
  if (review.state !== "APPROVED" && review.state !== "CHANGES_REQUESTED")
    throw new HttpError(422, `Can not dismiss a ${review.state.toLowerCase()} pull request review`);
  review.state = "DISMISSED";
  touch(world, issue);
  emitReview(world, call, { issue, review, action: "dismissed" });
  return { status: 200, facts: reviewFacts(world, call.repository, issue, review) };
}
