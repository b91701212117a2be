import { GitHubRefusal } from "../github/github-error.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { endSession, findSessionByPull, type Session } from "../sessions/session-store.ts";
import { cancelTasks } from "../tasks/cancel-task.ts";
import { findAccountOfInstallation } from "../tasks/tenant-store.ts";
import { pullRequestChanged, type PullRequestChanged } from "./payloads.ts";
import { noticeBaseMoved } from "./conflict-notice.ts";
import { noteMerge } from "./merge-store.ts";
import { moveBase, reviveSession } from "./pull-store.ts";
import { noteSettingsChange } from "./settings-note.ts";
import type { TriggerDeps } from "./trigger.ts";

/** A task that is stopped has this long to take what it has done out of its machine, before that is removed. */
const keepingMs = 20_000;

/**
 * A merged or closed pull request ends its session; the reaper removes its machine. GitHub closes it too when its branch is
 * deleted, and whoever reads the end of a task then is told so.
 */
export async function onPullRequestClosed(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = pullRequestChanged.parse(payload);
  const at = await findPlace(deps, event);
  if (at === null) return "unknown-installation";
  const session = await findSessionByPull(deps.db, at);
  const outcome = session === null ? "not-ours" : await endOnClose(deps, event, session);
  const { merged, base } = event.pull_request;
  if (merged !== true) return outcome;
  await noteMerge(deps, { ...at, by: event.sender.id });
  await noticeBaseMoved(deps, { ...at, deliveryId, baseRef: base.ref });
  return outcome;
}

async function endOnClose(deps: TriggerDeps, event: PullRequestChanged, session: Session): Promise<string> {
  const { stopping } = await cancelTasks(deps, {
    accountId: session.accountId,
    scope: { sessionId: session.id },
    by: `${event.sender.login} (${await sayHow(deps, event, session)})`,
  });
  await deps.system.transaction((tx) => endSession(tx, session.id));
  await deps.queue.enqueue(deps.system, "reap", {}, stopping.length === 0 ? {} : { startAfterMs: keepingMs });
  return "session-ended";
}

/** A pull request that was opened or pushed to, whoever's it is. */
export async function onPullRequestPushed(deps: TriggerDeps, payload: unknown): Promise<string> {
  return noteSettingsChange(deps, payload);
}

/** A reopened pull request of ours: its session lives again, with its branch, its conversation and its last checkpoint. */
export async function onPullRequestReopened(deps: TriggerDeps, payload: unknown): Promise<string> {
  const at = await findPlace(deps, pullRequestChanged.parse(payload));
  if (at === null) return "unknown-installation";
  const session = await reviveSession(deps, at);
  const noted = await noteSettingsChange(deps, payload);
  return session === null ? noted : "session-lives";
}

/** A pull request of ours that is pointed at another base: the next task of its session works for that one. */
export async function onPullRequestEdited(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = pullRequestChanged.parse(payload);
  const at = await findPlace(deps, event);
  if (at === null) return "unknown-installation";
  const baseRef = event.pull_request.base.ref;
  const moved = await moveBase(deps, { ...at, baseRef });
  if (moved) await noticeBaseMoved(deps, { ...at, deliveryId, baseRef });
  return moved ? "base-moved" : "not-ours";
}

async function findPlace(
  deps: TriggerDeps,
  { installation, repository, pull_request: pull }: PullRequestChanged,
): Promise<{ accountId: string; repositoryId: number; pullNumber: number } | null> {
  const accountId = await findAccountOfInstallation(deps.system, installation.id);
  return accountId === null ? null : { accountId, repositoryId: repository.id, pullNumber: pull.number };
}

async function sayHow(
  deps: TriggerDeps,
  event: PullRequestChanged,
  { branch, writes }: Pick<Session, "branch" | "writes">,
): Promise<string> {
  if (event.pull_request.merged === true) return "the pull request was merged";
  // A fork's branch is none that we could see.
  return writes !== "nothing" && (await isBranchGone(deps, event, branch))
    ? "its branch was deleted"
    : "the pull request was closed";
}

/** False where GitHub does not let us look any more: the session ends all the same. */
async function isBranchGone(
  deps: TriggerDeps,
  { installation, repository }: PullRequestChanged,
  branch: string,
): Promise<boolean> {
  try {
    const client = await deps.github.openRepository({
      installationId: installation.id,
      repositoryId: repository.id,
      permissions: { contents: "read" },
    });
    try {
      const at = { owner: client.owner, name: client.name };
      return (await readBranchSha(client.octokit, at, branch)) === null;
    } finally {
      await client.revoke();
    }
  } catch (error) {
    if (!(error instanceof GitHubRefusal)) throw error;
    deps.log.warn(
      { err: error, branch },
      "nobody could look whether the branch of a closed pull request is there",
    );
    return false;
  }
}
