import type { ReviewCommentCreated, ReviewSubmitted } from "./payloads.ts";
import type { ThreadEvent } from "./trigger.ts";

type OfReview = "what" | "commentId" | "commentKind" | "viaAppId" | "triggeredAt";

/** What a review and a comment at a line have in common as events on the thread of their pull request. */
export function toReviewThreadEvent(
  deliveryId: string,
  event: Pick<
    ReviewCommentCreated | ReviewSubmitted,
    "installation" | "repository" | "sender" | "pull_request"
  >,
  of: Pick<ThreadEvent, OfReview>,
): ThreadEvent {
  return {
    deliveryId,
    installation: event.installation,
    repository: event.repository,
    issueNumber: event.pull_request.number,
    onPullRequest: true,
    sender: event.sender,
    ...of,
  };
}
