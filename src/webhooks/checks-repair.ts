import { withAccount } from "../../db/client.ts";
import { findLastAskedFor, listRepairs } from "../tasks/checks-store.ts";
import type { Task } from "../tasks/task-store.ts";
import { maxTurnsWithoutPerson } from "./bot-limit.ts";
import type { ChecksScene } from "./checks-look.ts";
import { sayStop } from "./checks-note.ts";
import { countTurnsWithoutPerson } from "./pull-store.ts";
import { startUnasked } from "./start-unasked.ts";
import type { TriggerDeps } from "./trigger.ts";
import { wasMadeIntoTask } from "../tasks/thread-task-store.ts";

/** Starts a repair of what really failed, in the name of whoever asked for the session's work last, or stops with one note. */
export async function repairOrStop(deps: TriggerDeps, scene: ChecksScene): Promise<string> {
  const { session, reading, settings } = scene;
  const { accountId, id: sessionId } = session;
  const { botIds, autofixAttempts } = settings.triggers;
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
  if (ofHead.length >= autofixAttempts || turns >= maxTurnsWithoutPerson) {
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
  const { look, session, installationId, client, pull, reading, settings } = scene;
  const started = await startUnasked(deps, {
    ...{ session, installationId, client, pull, settings, asked },
    ...{ businessKey, deliveryId: look.deliveryId, trigger: "checks", verb: "fix-ci" },
    checks: { headSha: reading.headSha, attempt, checks: reading.failed },
  });
  switch (started) {
    case "busy":
      await deps.queue.enqueue(deps.system, "checks-later", look, {
        ...{ key: session.id, startAfterMs: 60_000 },
      });
      return started;
    case "made-before":
      return "repaired-before";
    case "no-write-access":
    case "no-plan":
      return started;
    case "started":
      return "repair-started";
  }
}
