import { withAccount } from "../../db/client.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { toInlineCode } from "../github/inline-text.ts";
import { readMergeable } from "../github/read-mergeable.ts";
import { readPull, type PullFacts } from "../github/read-pull.ts";
import type { JobPayload } from "../queue/jobs.ts";
import { findSession, type Session } from "../sessions/session-store.ts";
import { findLastAskedFor, hasOpenTask } from "../tasks/checks-store.ts";
import { wasMadeIntoTask } from "../tasks/thread-task-store.ts";
import { maxTurnsWithoutPerson } from "./bot-limit.ts";
import { sayConflictStop } from "./conflict-stop.ts";
import { findInstallationOfRepository } from "./feedback-store.ts";
import { countTurnsWithoutPerson } from "./pull-store.ts";
import { readSettingsNow } from "./read-settings-now.ts";
import { startUnasked } from "./start-unasked.ts";
import type { TriggerDeps } from "./trigger.ts";

type ConflictLook = JobPayload<"conflict">;

type Scene = {
  look: ConflictLook;
  session: Session;
  installationId: number;
  client: RepositoryClient;
  pull: PullFacts;
};

/** GitHub works out whether a pull request can be merged when somebody asks; where it has not soon, it is asked again. */
const unknownAfterMs = [60_000, 600_000];
/** Nothing is asked of GitHub meanwhile. */
const busyAfterMs = 120_000;

/**
 * Looks whether a pull request of ours still merges into its base, and starts a rebase when it does not, once for each head of the
 * base. A job; looking again changes nothing.
 */
export async function lookForConflict(deps: TriggerDeps, look: ConflictLook): Promise<void> {
  const outcome = await takeLook(deps, look);
  const { sessionId, round } = look;
  deps.log.info({ outcome, sessionId, round }, "conflict looked for");
}

async function takeLook(deps: TriggerDeps, look: ConflictLook): Promise<string> {
  const { accountId, sessionId } = look;
  const found = await withAccount(deps.db, accountId, async (tx) => {
    const session = await findSession(tx, sessionId);
    if (session === null || session.endedAt !== null || session.writes !== "own-branch") return null;
    const installationId = await findInstallationOfRepository(tx, session.repositoryId);
    return { session, installationId, busy: await hasOpenTask(tx, sessionId) };
  });
  if (found === null || found.installationId === null || found.session.pullNumber === null) return "over";
  if (found.session.autofix === false) return "autofix-off";
  if (found.busy) return later(deps, look, { afterMs: busyAfterMs, outcome: "busy" });
  const { session, installationId } = found;
  const client = await deps.github.openRepository({
    installationId,
    repositoryId: session.repositoryId,
    permissions: { contents: "read", issues: "write", pull_requests: "write" },
  });
  try {
    const repository = { owner: client.owner, name: client.name };
    const pull = await readPull(client.octokit, { repository, number: found.session.pullNumber });
    if (pull === null || pull.state === "closed") return "over";
    return await judge(deps, { look, session, installationId, client, pull });
  } finally {
    await client.revoke();
  }
}

async function judge(deps: TriggerDeps, scene: Scene): Promise<string> {
  const { look, pull, client } = scene;
  const mergeable =
    pull.mergeable ??
    (await readMergeable(client.octokit, {
      repository: { owner: client.owner, name: client.name },
      ...{ pullNumber: pull.number, headSha: pull.head.sha },
    }));
  if (mergeable === true) return "mergeable";
  if (mergeable === false) return rebaseOrStop(deps, scene);
  const afterMs = unknownAfterMs[look.round];
  if (afterMs === undefined) return "unknown";
  return later(deps, { ...look, round: look.round + 1 }, { afterMs, outcome: "unknown" });
}

async function rebaseOrStop(deps: TriggerDeps, scene: Scene): Promise<string> {
  const { look, session, installationId, client, pull } = scene;
  const { accountId, repositoryId, id: sessionId } = session;
  const settings = await readSettingsNow(deps, { accountId, installationId, repositoryId, client });
  const { autofix, botIds } = settings.triggers;
  if (!(session.autofix ?? autofix)) return "autofix-off";
  const repository = { owner: client.owner, name: client.name };
  const baseSha = await readBranchSha(client.octokit, repository, pull.base.ref);
  if (baseSha === null) return "base-gone";
  const businessKey = `conflict:${sessionId}:${baseSha}`;
  const known = await withAccount(deps.db, accountId, async (tx) => ({
    asked: await findLastAskedFor(tx, { sessionId, botIds }),
    madeBefore: await wasMadeIntoTask(tx, businessKey),
  }));
  if (known.madeBefore) return "rebased-before";
  const { asked } = known;
  if (asked === null) return "nobody-asked";
  const turns = await countTurnsWithoutPerson(deps, { accountId, sessionId, botIds });
  if (turns >= maxTurnsWithoutPerson) return sayConflictStop(deps, { ...scene, sinceTaskId: asked.id });
  const started = await startUnasked(deps, {
    ...{ session, installationId, client, pull, settings, asked, businessKey },
    ...{ deliveryId: look.deliveryId, trigger: "conflict", verb: "rebase" },
    remarks: [
      `${toInlineCode(pull.base.ref)} has moved on and collides with this branch, so it is rebased unasked; \`/claude autofix off\` leaves that to you.`,
    ],
  });
  if (started === "busy") return later(deps, look, { afterMs: busyAfterMs, outcome: "busy" });
  return started === "started" ? "rebase-started" : started;
}

/** One look at a time waits for its hour; a further one is dropped by the queue. */
async function later(
  deps: TriggerDeps,
  look: ConflictLook,
  { afterMs, outcome }: { afterMs: number; outcome: string },
): Promise<string> {
  await deps.queue.enqueue(deps.system, "conflict", look, { key: look.sessionId, startAfterMs: afterMs });
  return outcome;
}
