import { withAccount } from "../../db/client.ts";
import { mayWrite, readRole } from "../github/thread.ts";
import { findLastAskedFor, hasOpenTask, listRepairs } from "../tasks/checks-store.ts";
import { createTask } from "../tasks/create-task.ts";
import { freezeContext } from "../tasks/freeze-context.ts";
import { sayQueued } from "../tasks/say-status.ts";
import type { Task } from "../tasks/task-store.ts";
import { maxTurnsWithoutPerson } from "./bot-limit.ts";
import type { ChecksScene } from "./checks-look.ts";
import { sayStop } from "./checks-note.ts";
import { countTurnsWithoutPerson } from "./pull-store.ts";
import type { TriggerDeps } from "./trigger.ts";
import { wasMadeIntoTask } from "../tasks/thread-task-store.ts";

/** Starts a repair of what really failed, in the name of whoever asked for the session's work last, or stops with one note. */
export async function repairOrStop(deps: TriggerDeps, scene: ChecksScene): Promise<string> {
  const { session, reading, maxAttempts } = scene;
  const { accountId, id: sessionId } = session;
  const botIds = deps.config.allowedBotIds;
  const businessKey = businessKeyOf(scene);
  const known = await withAccount(deps.db, accountId, async (tx) => ({
    asked: await findLastAskedFor(tx, { sessionId, botIds }),
    repairs: await listRepairs(tx, sessionId),
    madeBefore: await wasMadeIntoTask(tx, businessKey),
  }));
  if (known.madeBefore) return "repaired-before";
  if (known.asked === null) return "nobody-asked";
  const ofHead = known.repairs.filter(({ context }) => context.checks?.headSha === reading.headSha);
  const turns = await countTurnsWithoutPerson(deps, { accountId, sessionId, botIds });
  if (ofHead.length >= maxAttempts || turns >= maxTurnsWithoutPerson) {
    const tried = known.repairs.filter(({ id }) => id > (known.asked?.id ?? ""));
    const attempts = tried.length === 0 ? ofHead : tried;
    return sayStop(deps, scene, { attempts, sinceTaskId: known.asked.id });
  }
  return repair(deps, scene, { asked: known.asked, attempt: ofHead.length + 1, businessKey });
}

/** A re-run that fails again has another run: it is another request. */
function businessKeyOf({ reading }: ChecksScene): string {
  const { headSha, newestFailure } = reading;
  return `checks:${newestFailure?.suiteId ?? "status"}:${headSha}:${newestFailure?.id ?? 0}`;
}

async function repair(
  deps: TriggerDeps,
  scene: ChecksScene,
  { asked, attempt, businessKey }: { asked: Task; attempt: number; businessKey: string },
): Promise<string> {
  const { look, session, installationId, client, pull, reading } = scene;
  const { accountId, id: sessionId } = session;
  const repository = { owner: client.owner, name: client.name };
  const requester = { id: asked.requesterId, login: asked.requesterLogin };
  // Nobody gives this command, so it is done for a person only while that person may still give it.
  if (!mayWrite(await readRole(client.octokit, { repository, user: requester }))) return "no-write-access";
  const context = await freezeContext(client.octokit, {
    ...{ repository, requester, pull, triggeredAt: deps.clock.now(), wantedBase: undefined },
    issue: { ...pull, html_url: pull.url, user: pull.author },
  });
  const busy = await withAccount(deps.db, accountId, (tx) => hasOpenTask(tx, sessionId));
  if (busy) {
    await deps.queue.enqueue(deps.system, "checks-later", look, { key: sessionId, startAfterMs: 60_000 });
    return "busy";
  }
  const created = await createTask(deps, {
    ...{ accountId, installationId, repositoryId: session.repositoryId },
    ...{ businessKey, deliveryId: look.deliveryId, trigger: "checks", triggerCommentId: null },
    ...{ verb: "fix-ci", instruction: "", options: {}, requester },
    context: { ...context, checks: { headSha: reading.headSha, attempt, checks: reading.failed } },
  });
  if (created === null) return "repaired-before";
  if (created.mustWait) await sayQueued(deps, client, created);
  return "repair-started";
}
