import { withAccount } from "../../db/client.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import type { Settings } from "../github/settings-values.ts";
import { readPull, type PullFacts } from "../github/read-pull.ts";
import type { JobPayload } from "../queue/jobs.ts";
import { findSession, type Session } from "../sessions/session-store.ts";
import { readChecks, type ChecksReading } from "../tasks/checks-read.ts";
import { hasOpenTask } from "../tasks/checks-store.ts";
import { readEffectiveSettings } from "../tasks/effective-settings.ts";
import { noteNothingToMend } from "./checks-note.ts";
import { repairOrStop } from "./checks-repair.ts";
import { noticeConflict } from "./conflict-notice.ts";
import { findInstallationOfRepository } from "./feedback-store.ts";
import type { TriggerDeps } from "./trigger.ts";

export type ChecksLook = JobPayload<"checks">;

/** What a look at the checks of a session's pull request has before it. */
export type ChecksScene = {
  look: ChecksLook;
  session: Session;
  installationId: number;
  client: RepositoryClient;
  pull: PullFacts;
  reading: ChecksReading;
  settings: Settings;
};

const minuteMs = 60_000;
/** A last event that never comes is made up for by a look after each of these. */
const pendingAfterMs = [10, 60, 360, 1_440].map((minutes) => minutes * minuteMs);
/** While a task is at work or waits for a person nothing is asked of GitHub; a week is as long as anything waits. */
const longestBusyMs = 30 * minuteMs;
const busyRounds = 7 * 48;

/**
 * Looks at the checks of a session's pull request as they are on GitHub now: while some still run it waits for the next event,
 * then it starts a repair, or says why there is none. A job; looking again changes nothing. Answers in a word what came of it.
 */
export async function lookAtChecks(deps: TriggerDeps, look: ChecksLook): Promise<string> {
  const outcome = await takeLook(deps, look);
  const { sessionId, round } = look;
  deps.log.info({ outcome, sessionId, round }, "checks looked at");
  return outcome;
}

async function takeLook(deps: TriggerDeps, look: ChecksLook): Promise<string> {
  const { accountId, sessionId } = look;
  const found = await withAccount(deps.db, accountId, async (tx) => {
    const session = await findSession(tx, sessionId);
    if (session === null || session.endedAt !== null || session.writes !== "own-branch") return null;
    const installationId = await findInstallationOfRepository(tx, session.repositoryId);
    return { session, installationId, busy: await hasOpenTask(tx, sessionId) };
  });
  if (found === null || found.installationId === null || found.session.pullNumber === null) return "over";
  if (found.session.autofix === false) return "autofix-off";
  if (found.busy) {
    const afterMs = Math.min(minuteMs * 2 ** Math.min(look.round, 10), longestBusyMs);
    return look.round >= busyRounds ? "busy" : later(deps, look, { afterMs, outcome: "busy" });
  }
  const { session, installationId } = found;
  const client = await deps.github.openRepository({
    installationId,
    repositoryId: session.repositoryId,
    permissions: {
      ...{ contents: "read", issues: "write", pull_requests: "write" },
      ...{ checks: "read", statuses: "read", actions: "read" },
    },
  });
  try {
    const repository = { owner: client.owner, name: client.name };
    const pull = await readPull(client.octokit, { repository, number: found.session.pullNumber });
    if (pull === null || pull.state === "closed") return "over";
    // A push straight to the base is told by no event of ours; the checks that follow one on our branch are an occasion.
    if (pull.mergeable === false) await noticeConflict(deps, deps.system, look);
    return await judge(deps, { look, session, installationId, client, pull });
  } finally {
    await client.revoke();
  }
}

async function judge(deps: TriggerDeps, opened: Omit<ChecksScene, "reading" | "settings">): Promise<string> {
  const { look, session, client, pull } = opened;
  const { settings } = await readEffectiveSettings(deps, {
    ...{ accountId: session.accountId, installationId: opened.installationId },
    repository: { id: session.repositoryId, owner: client.owner, name: client.name },
    ...{ sha: pull.base.sha, from: { octokit: client.octokit } },
  });
  const { autofix, autofixAttempts: maxAttempts } = settings.triggers;
  if (!(session.autofix ?? autofix) || maxAttempts === 0) return "autofix-off";
  const { id: ourAppId } = await deps.github.identity(client.octokit);
  const reading = await readChecks(client.octokit, {
    repository: { owner: client.owner, name: client.name },
    ...{ headSha: pull.head.sha, baseSha: pull.base.sha, ourAppId, now: deps.clock.now(), whenDone: true },
  });
  if (reading.pending.length > 0) {
    const afterMs = pendingAfterMs[look.round];
    return afterMs === undefined ? "pending" : later(deps, look, { afterMs, outcome: "pending" });
  }
  const scene = { ...opened, reading, settings };
  if (reading.failed.length === 0) return "green";
  if (reading.newestFailure === null) return noteNothingToMend(deps, scene);
  return repairOrStop(deps, scene);
}

/** One look at a time waits for its hour; a further one is dropped by the queue. */
async function later(
  deps: TriggerDeps,
  look: ChecksLook,
  { afterMs, outcome }: { afterMs: number; outcome: string },
): Promise<string> {
  await deps.queue.enqueue(
    deps.system,
    "checks-later",
    { ...look, round: look.round + 1 },
    { key: look.sessionId, startAfterMs: afterMs },
  );
  return outcome;
}
