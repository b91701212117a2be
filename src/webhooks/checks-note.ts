import { GitHubRefusal } from "../github/github-error.ts";
import type { Task } from "../tasks/task-store.ts";
import type { ChecksScene } from "./checks-look.ts";
import { renderNothingToMend, renderStop } from "./checks-text.ts";
import { sayOnce } from "./say-once.ts";
import type { TriggerDeps } from "./trigger.ts";

/** Says once for a commit that its red checks are flaky, or red on the base as well. */
export async function noteNothingToMend(deps: TriggerDeps, scene: ChecksScene): Promise<string> {
  const { headSha, failed } = scene.reading;
  const { serverUrl } = deps.config.github;
  await say(deps, scene, {
    ...{ kind: "checks-note", key: headSha },
    text: renderNothingToMend(failed, { headSha, serverUrl }),
  });
  return "not-ours-to-mend";
}

/** Says once, until a person says something, that repairs have come to their end. */
export async function sayStop(
  deps: TriggerDeps,
  scene: ChecksScene,
  { attempts, sinceTaskId }: { attempts: readonly Task[]; sinceTaskId: string },
): Promise<string> {
  const { headSha, failed: checks } = scene.reading;
  const { serverUrl } = deps.config.github;
  await say(deps, scene, {
    ...{ kind: "checks-stop", key: `${scene.session.id}:${sinceTaskId}` },
    text: renderStop({ headSha, serverUrl, checks, attempts }),
  });
  return "stopped";
}

async function say(
  deps: TriggerDeps,
  { session, installationId, client, pull }: ChecksScene,
  note: { kind: string; key: string; text: string },
): Promise<void> {
  const { botId } = await deps.github.identity(client.octokit);
  try {
    await sayOnce(deps, client.octokit, {
      ...{ accountId: session.accountId, repositoryId: session.repositoryId, issueNumber: pull.number },
      ...{ installationId, repository: { owner: client.owner, name: client.name } },
      ...{ botId, since: session.createdAt, ...note },
    });
  } catch (error) {
    // A locked thread takes no word of ours; there is nobody else to tell.
    if (!(error instanceof GitHubRefusal)) throw error;
    deps.log.warn({ err: error, sessionId: session.id }, "a note on checks could not be written");
  }
}
