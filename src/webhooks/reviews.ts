import { readReviewRemarks, type ReviewRemark } from "../github/read-review.ts";
import type { ReviewMaterial } from "../tasks/freeze-review.ts";
import { parseCommand } from "./command.ts";
import { mayHoldCommand } from "./command-trigger.ts";
import { findOwnPull } from "./find-own-pull.ts";
import { hearRemark } from "./hear-remark.ts";
import { obeyCommand } from "./obey-command.ts";
import { noteIgnored } from "./note-ignored.ts";
import { reviewSubmitted, type ReviewSubmitted } from "./payloads.ts";
import { replies } from "./replies.ts";
import { isLoneComment, toIssue, toReviewState } from "./review-facts.ts";
import { toReviewThreadEvent } from "./review-thread-event.ts";
import { startTask } from "./start-task.ts";
import { admit, type Admitted, type ThreadEvent, type TriggerDeps } from "./trigger.ts";
import type { Session } from "../sessions/session-store.ts";

/**
 * A submitted review: on a pull request of ours it becomes one task with all its comments, whoever it names; elsewhere it needs
 * a command. A single comment at a line, which GitHub wraps into a review, is a remark.
 */
export async function onReviewSubmitted(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = reviewSubmitted.parse(payload);
  const state = toReviewState(event.review.state);
  if (state === null) return "no-review";
  const body = event.review.body ?? "";
  const parsed = parseCommand(body);
  const thread = toReviewThreadEvent(deliveryId, event, {
    ...{ what: "review", commentId: null, viaAppId: event.review.performed_via_github_app?.id ?? null },
    triggeredAt: new Date(event.review.submitted_at),
  });
  const own = await findOwnPull(deps, thread);
  if (parsed.kind === "none") {
    if (own !== null) return hearReview(deps, { event, thread, own });
    return mayHoldCommand(body) ? noteIgnored(deps, { thread, reason: "quoted" }) : "not-ours";
  }
  return admit(deps, thread, async (admitted) => {
    if (parsed.kind === "suggestion") return admitted.reply(replies.suggestion(parsed));
    if (parsed.kind === "invalid") return admitted.reply(replies.invalid(parsed.reason));
    const source = { businessKey: keyOf(event), trigger: "review" as const, triggerCommentId: null };
    const issue = toIssue(event.pull_request);
    if (parsed.verb !== "implement")
      return obeyCommand(deps, { thread, admitted, command: parsed, issue, source });
    const review = toMaterial(event, await readRemarks(admitted, event));
    const { instruction, options } = parsed;
    await startTask(deps, thread, admitted, {
      ...source,
      ...{ verb: "implement", instruction, options, issue, review: { ...review, body: "" } },
    });
  });
}

/** A review of ours that commands nothing. */
async function hearReview(
  deps: TriggerDeps,
  { event, thread, own }: { event: ReviewSubmitted; thread: ThreadEvent; own: Session },
): Promise<string> {
  let lone: ReviewRemark | undefined;
  const outcome = await admit(deps, { ...thread, unaddressed: true, eyes: "later" }, async (admitted) => {
    const remarks = await readRemarks(admitted, event);
    const asked = remarks.filter(({ reviewId }) => reviewId === event.review.id);
    const body = event.review.body ?? "";
    if (asked.length === 0 && body.trim() === "") return;
    if (isLoneComment(event.review, asked)) {
      lone = asked[0];
      return;
    }
    await admitted.acknowledge();
    await startTask(deps, thread, admitted, {
      ...{ businessKey: keyOf(event), trigger: "review", triggerCommentId: null },
      ...{ verb: "implement", instruction: "", options: {}, issue: toIssue(event.pull_request) },
      review: toMaterial(event, remarks),
    });
  });
  if (lone === undefined) return outcome;
  // A command in it is obeyed by the comment's own delivery.
  if (parseCommand(lone.body).kind !== "none") return "lone-command";
  const { id, body } = lone;
  const at = { commentId: id, commentKind: "review-comment" as const, unaddressed: true as const };
  return hearRemark(deps, { ...thread, ...at }, { session: own, kind: "review-comment", id, body });
}

const keyOf = ({ review }: ReviewSubmitted) => `review:${review.id}`;

async function readRemarks({ client }: Admitted, event: ReviewSubmitted): Promise<ReviewRemark[]> {
  const { remarks } = await readReviewRemarks(client.octokit, {
    repository: { owner: client.owner, name: client.name },
    pullNumber: event.pull_request.number,
  });
  return remarks;
}

function toMaterial({ review }: ReviewSubmitted, remarks: ReviewRemark[]): ReviewMaterial {
  const asked = remarks.filter(({ reviewId }) => reviewId === review.id);
  return {
    ...{ id: review.id, state: toReviewState(review.state), author: review.user.login },
    ...{ body: review.body ?? "", notes: [], remarks, askedIds: new Set(asked.map(({ id }) => id)) },
  };
}
