import { branchesWith, emitSuite, suiteFor } from "./checks-suites.ts";
import { installedRepositories } from "./facts.ts";
import type { Account, Repository } from "./state.ts";
import type { World } from "./world.ts";

/**
 * What GitHub does about a push: every App that may write checks gets an empty suite for the new commit and is told of it.
 * `branch` stands at `sha` already.
 */
export async function requestSuites(
  world: World,
  input: { repository: Repository; branch: string; sha: string; sender: Account },
): Promise<void> {
  const { repository, branch, sha, sender } = input;
  const names = await branchesWith(repository, sha);
  // A commit that was here before has its suites.
  if (names.some((name) => name !== branch) || repository.checks.pushes.has(sha)) return;
  repository.checks.pushes.set(sha, { branch, userId: sender.id });
  const appIds = [...world.installations.values()]
    .filter(({ permissions, suspendedAt }) => permissions["checks"] === "write" && suspendedAt === null)
    .filter((installation) => installedRepositories(world, installation).includes(repository))
    .map(({ appId }) => appId);
  for (const appId of appIds) {
    const suite = await suiteFor(world, { repository, appId, headSha: sha });
    emitSuite(world, { repository, suite, action: "requested", sender });
  }
}
