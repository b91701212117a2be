import { cancelTasks } from "../tasks/cancel-task.ts";
import { endSession, findSessionByPull } from "../sessions/session-store.ts";
import { findAccountOfInstallation } from "../tasks/tenant-store.ts";
import { pullRequestChanged } from "./payloads.ts";
import { reviveSession } from "./pull-store.ts";
import type { TriggerDeps } from "./trigger.ts";

/** A merged or closed pull request of ours ends the session; the reaper removes its machine. GitHub closes it too when its branch is deleted. */
export async function onPullRequestClosed(deps: TriggerDeps, payload: unknown): Promise<string> {
  const event = pullRequestChanged.parse(payload);
  const accountId = await findAccountOfInstallation(deps.system, event.installation.id);
  if (accountId === null) return "unknown-installation";
  const session = await findSessionByPull(deps.db, {
    accountId,
    repositoryId: event.repository.id,
    pullNumber: event.pull_request.number,
  });
  if (session === null) return "not-ours";
  const merged = event.pull_request.merged === true ? "merged" : "closed";
  await cancelTasks(deps, {
    accountId,
    scope: { sessionId: session.id },
    by: `${event.sender.login} (the pull request was ${merged})`,
  });
  await endSession(deps.system, session.id);
  await deps.queue.enqueue(deps.system, "reap", {});
  return "session-ended";
}

/** A reopened pull request of ours: its session lives again, with its branch, its conversation and its last checkpoint. */
export async function onPullRequestReopened(deps: TriggerDeps, payload: unknown): Promise<string> {
  const event = pullRequestChanged.parse(payload);
  const accountId = await findAccountOfInstallation(deps.system, event.installation.id);
  if (accountId === null) return "unknown-installation";
  const session = await reviveSession(deps, {
    accountId,
    repositoryId: event.repository.id,
    pullNumber: event.pull_request.number,
  });
  return session === null ? "not-ours" : "session-lives";
}
