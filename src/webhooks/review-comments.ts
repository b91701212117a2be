import { readReview, readReviewRemarks, type ReviewFacts, type ReviewRemark } from "../github/read-review.ts";
import type { ReviewMaterial } from "../tasks/freeze-review.ts";
import { answerOrder } from "./answer-order.ts";
import type { Order } from "./command-order.ts";
import { parseCommand, type ParsedCommand } from "./command.ts";
import type { Command } from "./command-verbs.ts";
import { findOwnPull } from "./find-own-pull.ts";
import { noteIgnored } from "./note-ignored.ts";
import { obeyCommand } from "./obey-command.ts";
import { reviewCommentCreated, type ReviewCommentCreated } from "./payloads.ts";
import { replies } from "./replies.ts";
import { isLoneComment, toIssue, toReviewState } from "./review-facts.ts";
import { toReviewThreadEvent } from "./review-thread-event.ts";
import { startTask } from "./start-task.ts";
import { admit, type Admitted, type TriggerDeps } from "./trigger.ts";

/** `/claude` in a comment at a line: a task with file, line and the thread's earlier remarks; the other verbs as everywhere. */
export async function onReviewCommentCreated(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = reviewCommentCreated.parse(payload);
  const parsed = parseCommand(event.comment.body);
  const { comment } = event;
  const thread = toReviewThreadEvent(deliveryId, event, {
    ...{ what: "review comment", commentId: comment.id, commentKind: "review-comment" },
    viaAppId: comment.performed_via_github_app?.id ?? null,
    triggeredAt: new Date(comment.created_at),
  });
  if (parsed.kind === "none") return noteIgnored(deps, { thread, reason: "quoted" });
  return admit(deps, thread, async (admitted) => {
    if (parsed.kind === "suggestion") return admitted.reply(replies.suggestion(parsed));
    if (parsed.kind === "invalid") return admitted.reply(replies.invalid(parsed.reason));
    const { id } = comment;
    const order: Order = {
      ...{ thread, admitted, command: parsed, issue: toIssue(event.pull_request) },
      source: { businessKey: `review-comment:${id}`, trigger: "review-comment", triggerCommentId: id },
    };
    if (!isTaskVerb(parsed)) return obeyCommand(deps, order);
    await startFromComment(deps, { event, order });
  });
}

/** Those whose task takes the review along; the others are about the pull request as a whole. */
const isTaskVerb = ({ verb }: Command) => verb === "implement" || verb === "ask" || verb === "plan";

async function startFromComment(
  deps: TriggerDeps,
  { event, order }: { event: ReviewCommentCreated; order: Order },
): Promise<void> {
  const { thread, admitted } = order;
  const { remarks, review } = await readAround(admitted, event);
  const asked = remarks.filter(
    ({ reviewId, id }) => reviewId === event.comment.pull_request_review_id || id === event.comment.id,
  );
  if (review === null || isLoneComment(review, asked)) {
    if (await answerOrder(deps, order)) return;
    const { id, user } = event.comment;
    const material = {
      ...{ id: null, state: null, author: user.login, body: "" },
      remarks,
      askedIds: new Set([id]),
    };
    return start(deps, order, { ...material, notes: [] });
  }
  // One task for the whole review, which on our own pull requests its own delivery makes.
  if ((await findOwnPull(deps, thread)) !== null) return;
  const first = asked.map(({ body }) => parseCommand(body)).find(isCommand) ?? order.command;
  const source = { businessKey: `review:${review.id}`, trigger: "review" as const, triggerCommentId: null };
  const { login } = review.author;
  await start(
    deps,
    { ...order, command: first, source },
    {
      ...{ id: review.id, state: toReviewState(review.state), author: login, body: review.body },
      ...{ notes: [], remarks, askedIds: new Set(asked.map(({ id }) => id)) },
    },
  );
}

/** The first of them speaks for the review, whichever delivery comes first. */
const isCommand = (parsed: ParsedCommand): parsed is Command =>
  parsed.kind === "command" && isTaskVerb(parsed);

async function start(deps: TriggerDeps, order: Order, review: ReviewMaterial): Promise<void> {
  const { thread, admitted, command, source, issue } = order;
  const { verb, instruction, options } = command;
  await startTask(deps, thread, admitted, { ...source, verb, instruction, options, issue, review });
}

async function readAround(
  { client }: Admitted,
  { comment, pull_request: pull }: ReviewCommentCreated,
): Promise<{ remarks: ReviewRemark[]; review: ReviewFacts | null }> {
  const at = { repository: { owner: client.owner, name: client.name }, pullNumber: pull.number };
  const reviewId = comment.pull_request_review_id;
  const [{ remarks }, review] = await Promise.all([
    readReviewRemarks(client.octokit, at),
    reviewId === null ? null : readReview(client.octokit, { ...at, reviewId }),
  ]);
  // As the signed payload has it.
  return {
    remarks: remarks.map((remark) => (remark.id === comment.id ? { ...remark, body: comment.body } : remark)),
    review,
  };
}
