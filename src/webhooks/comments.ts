import { answerOrder } from "./answer-order.ts";
import { mayHoldCommand } from "./command-trigger.ts";
import { parseCommand } from "./command.ts";
import { findOwnPull } from "./find-own-pull.ts";
import { hearRemark } from "./hear-remark.ts";
import { noteIgnored } from "./note-ignored.ts";
import { obeyCommand } from "./obey-command.ts";
import { issueCommentCreated, type IssueCommentCreated } from "./payloads.ts";
import { quotesCommand } from "./quoted-command.ts";
import { replies } from "./replies.ts";
import { admit, type ThreadEvent, type TriggerDeps } from "./trigger.ts";

/**
 * A new comment: a command starts, stops or asks; on a pull request of ours any other is feedback; elsewhere it is left alone.
 * Answers what became of it, for the log.
 */
export async function onCommentCreated(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = issueCommentCreated.parse(payload);
  const thread = toThreadEvent(deliveryId, event);
  const parsed = parseCommand(event.comment.body);
  const businessKey = `comment:${event.comment.id}`;
  if (parsed.kind === "none") return hearComment(deps, thread, event);
  return admit(deps, thread, async (admitted) => {
    if (parsed.kind === "suggestion") return admitted.reply(replies.suggestion(parsed));
    if (parsed.kind === "invalid") return admitted.reply(replies.invalid(parsed.reason));
    const order = {
      ...{ thread, admitted, command: parsed, issue: event.issue },
      source: { businessKey, trigger: "comment" as const, triggerCommentId: event.comment.id },
    };
    if (!(await answerOrder(deps, order))) await obeyCommand(deps, order);
  });
}

/** A comment that commands nothing. */
async function hearComment(
  deps: TriggerDeps,
  thread: ThreadEvent,
  { comment }: IssueCommentCreated,
): Promise<string> {
  const own = thread.onPullRequest ? await findOwnPull(deps, thread) : null;
  if (own !== null) {
    const { id, body } = comment;
    return hearRemark(deps, { ...thread, unaddressed: true }, { session: own, kind: "comment", id, body });
  }
  if (!mayHoldCommand(comment.body) && !quotesCommand(comment.body)) return "no-command";
  return noteIgnored(deps, { thread, reason: "quoted" });
}

/** A command that was edited in starts nothing; `why` tells. */
export async function onCommentEdited(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = issueCommentCreated.parse(payload);
  if (parseCommand(event.comment.body).kind === "none") return "no-command";
  return noteIgnored(deps, { thread: toThreadEvent(deliveryId, event), reason: "edited" });
}

function toThreadEvent(deliveryId: string, event: IssueCommentCreated): ThreadEvent {
  return {
    deliveryId,
    installation: event.installation,
    repository: event.repository,
    issueNumber: event.issue.number,
    onPullRequest: event.issue.pull_request !== undefined && event.issue.pull_request !== null,
    sender: event.sender,
    viaAppId: event.comment.performed_via_github_app?.id ?? null,
    what: "comment",
    commentId: event.comment.id,
    triggeredAt: new Date(event.comment.created_at),
  };
}
