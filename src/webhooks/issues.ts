import { cancelTasks } from "../tasks/cancel-task.ts";
import { findOpenSession } from "../sessions/session-store.ts";
import { findAccountOfInstallation } from "../tasks/tenant-store.ts";
import { checkUnedited } from "./check-unedited.ts";
import { noteIgnored } from "./note-ignored.ts";
import { issueAssigned, issueGone, issueLabeled, type IssueAssigned } from "./payloads.ts";
import { startTask } from "./start-task.ts";
import { mayBeTriggerLabel } from "./trigger-label.ts";
import { admit, type ThreadEvent, type TriggerDeps } from "./trigger.ts";

type IssueEvent = Omit<ReturnType<typeof issueGone.parse>, "action">;

/** The repository's label starts a task from title and body; another one is left alone. */
export async function onIssueLabeled(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = issueLabeled.parse(payload);
  if (event.issue.pull_request !== undefined) return "label-on-pull-request";
  if (!(await mayBeTriggerLabel(deps, event))) return "other-label";
  return startFromIssue(deps, deliveryId, event, {
    ...{ trigger: "label", label: event.label.name },
    businessKey: `label:${event.issue.id}:${event.label.id}:${event.issue.updated_at}`,
  });
}

/** Assigning the App's bot user starts the same task. */
export async function onIssueAssigned(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = issueAssigned.parse(payload);
  if (event.assignee.type !== "Bot" || !(await isOurBot(deps, event))) return "other-assignee";
  if (event.issue.pull_request !== undefined) return "assigned-to-pull-request";
  return startFromIssue(deps, deliveryId, event, {
    trigger: "assign",
    businessKey: `assign:${event.issue.id}:${event.assignee.id}:${event.issue.updated_at}`,
  });
}

async function isOurBot(deps: TriggerDeps, event: IssueAssigned): Promise<boolean> {
  const client = await deps.github.openRepository({
    installationId: event.installation.id,
    repositoryId: event.repository.id,
    permissions: {},
  });
  try {
    return event.assignee.id === (await deps.github.identity(client.octokit)).botId;
  } finally {
    await client.revoke();
  }
}

async function startFromIssue(
  deps: TriggerDeps,
  deliveryId: string,
  event: IssueEvent,
  { label, ...input }: { trigger: "label" | "assign"; businessKey: string; label?: string },
): Promise<string> {
  const thread: ThreadEvent = {
    deliveryId,
    installation: event.installation,
    repository: event.repository,
    issueNumber: event.issue.number,
    onPullRequest: false,
    sender: event.sender,
    viaAppId: null,
    what: input.trigger === "label" ? "label" : "assignment",
    commentId: null,
    ...(label === undefined ? {} : { label }),
    triggeredAt: new Date(event.issue.updated_at),
  };
  // A label is easily put on a whole list of issues; who wants to go on with a closed one can say so in a comment.
  if (event.issue.state === "closed") return noteIgnored(deps, { thread, reason: "closed" });
  return admit(deps, thread, async (admitted) => {
    await checkUnedited(deps, { event: thread, admitted, issue: event.issue });
    await startTask(deps, thread, admitted, {
      ...input,
      triggerCommentId: null,
      verb: "implement",
      instruction: "",
      options: {},
      issue: event.issue,
    });
  });
}

/** A closed, deleted or transferred issue stops its tasks: nobody waits for them any more. */
export async function onIssueGone(deps: TriggerDeps, payload: unknown): Promise<string> {
  const event = issueGone.parse(payload);
  const accountId = await findAccountOfInstallation(deps.system, event.installation.id);
  if (accountId === null) return "unknown-installation";
  const session = await findOpenSession(deps.db, {
    accountId,
    repositoryId: event.repository.id,
    issueNumber: event.issue.number,
  });
  if (session === null) return "no-session";
  const { stopping, ended } = await cancelTasks(deps, {
    accountId,
    scope: { sessionId: session.id },
    by: `${event.sender.login} (the issue was ${event.action})`,
  });
  return stopping.length + ended.length > 0 ? "stopped" : "nothing-to-stop";
}
