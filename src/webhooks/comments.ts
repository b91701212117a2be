import { answerTask } from "../tasks/answer-task.ts";
import { cancelTasks } from "../tasks/cancel-task.ts";
import { describeThread } from "../tasks/describe-thread.ts";
import { findOpenSession } from "../sessions/session-store.ts";
import type { Command } from "./command-verbs.ts";
import { parseCommand } from "./command.ts";
import { issueCommentCreated, type IssueCommentCreated } from "./payloads.ts";
import { replies } from "./replies.ts";
import { admit, startTask, type Admitted, type ThreadEvent, type TriggerDeps } from "./trigger.ts";

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
    await obey(deps, { event, thread, admitted, command: parsed });
  });
}

async function obey(
  deps: TriggerDeps,
  input: { event: IssueCommentCreated; thread: ThreadEvent; admitted: Admitted; command: Command },
): Promise<void> {
  const { event, thread, admitted, command } = input;
  switch (command.verb) {
    case "implement":
    case "ask":
    case "plan":
      return startTask(deps, thread, admitted, {
        businessKey: `comment:${event.comment.id}`,
        trigger: "comment",
        triggerCommentId: event.comment.id,
        verb: command.verb,
        instruction: command.instruction,
        options: command.options,
        issue: event.issue,
      });
    case "approve":
      return approve(deps, { thread, admitted, sha: command.sha, text: command.instruction });
    case "stop":
      return stop(deps, thread, admitted);
    case "status":
      return admitted.reply(
        await describeThread(deps, { accountId: admitted.tenant.accountId, ...place(thread) }),
      );
    case "help":
      return admitted.reply(replies.help());
    default:
      return admitted.reply(replies.notBuilt(command.verb));
  }
}

async function approve(
  deps: TriggerDeps,
  input: { thread: ThreadEvent; admitted: Admitted; sha: string | null; text: string },
): Promise<void> {
  const { thread, admitted, sha, text } = input;
  const { accountId } = admitted.tenant;
  const session = await findOpenSession(deps.db, { accountId, ...place(thread) });
  const answered =
    session === null
      ? { kind: "nothing-asked" as const }
      : await answerTask(deps, {
          ...{ accountId, sessionId: session.id, approved: true, text, sha },
          by: { id: thread.sender.id, login: thread.sender.login },
        });
  if (answered.kind === "nothing-asked") await admitted.reply(replies.nothingAsked());
  if (answered.kind === "other-sha") await admitted.reply(replies.otherSha(answered.expected));
}

async function stop(deps: TriggerDeps, thread: ThreadEvent, admitted: Admitted): Promise<void> {
  const { accountId } = admitted.tenant;
  const session = await findOpenSession(deps.db, { accountId, ...place(thread) });
  const { stopping, ended } =
    session === null
      ? { stopping: [], ended: [] }
      : await cancelTasks(deps, { accountId, scope: { sessionId: session.id }, by: thread.sender.login });
  // The status comments say the rest; only a stop that met nothing needs words of its own.
  if (stopping.length + ended.length === 0) await admitted.reply(replies.stopped(0, 0));
}

const place = (thread: ThreadEvent) => ({
  repositoryId: thread.repository.id,
  issueNumber: thread.issueNumber,
});

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
