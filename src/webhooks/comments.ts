import { parseCommand } from "./command.ts";
import { obeyCommand } from "./obey-command.ts";
import { issueCommentCreated, type IssueCommentCreated } from "./payloads.ts";
import { replies } from "./replies.ts";
import { admit, type ThreadEvent, type TriggerDeps } from "./trigger.ts";

/** A new comment: a command starts, stops or asks; anything else is left alone. Answers what became of it, for the log. */
export async function onCommentCreated(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = issueCommentCreated.parse(payload);
  const parsed = parseCommand(event.comment.body);
  if (parsed.kind === "none") return "no-command";
  const thread = toThreadEvent(deliveryId, event);
  return admit(deps, thread, async (admitted) => {
    if (parsed.kind === "suggestion") return admitted.reply(replies.suggestion(parsed));
    if (parsed.kind === "invalid") return admitted.reply(replies.invalid(parsed.reason));
    if (event.issue.pull_request !== undefined) return admitted.reply(replies.onPullRequest());
    await obeyCommand(deps, {
      ...{ thread, admitted, command: parsed, issue: event.issue },
      source: {
        businessKey: `comment:${event.comment.id}`,
        trigger: "comment",
        triggerCommentId: event.comment.id,
      },
    });
  });
}

function toThreadEvent(deliveryId: string, event: IssueCommentCreated): ThreadEvent {
  return {
    deliveryId,
    installation: event.installation,
    repository: event.repository,
    issueNumber: event.issue.number,
    onPullRequest: event.issue.pull_request !== undefined,
    sender: event.sender,
    viaAppId: event.comment.performed_via_github_app?.id ?? null,
    commentId: event.comment.id,
    triggeredAt: new Date(event.comment.created_at),
  };
}
