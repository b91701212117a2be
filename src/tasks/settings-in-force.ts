import { readBranchSha } from "../github/read-branch.ts";
import type { Attempt } from "./attempt.ts";
import { readEffectiveSettings, type EffectiveDeps, type EffectiveSettings } from "./effective-settings.ts";
import { readEffectiveSettingsOf } from "./set-up-machine.ts";

/**
 * The settings that decide what of a turn's work may be pushed, and so never none: where the mirror has neither commit any
 * more, because the base's history was rewritten, GitHub is asked for the base branch as it stands. Rejects when it cannot say.
 */
export async function readSettingsInForce(
  deps: EffectiveDeps,
  {
    claim,
    reader,
    repository,
    mirrorPath,
  }: Pick<Attempt, "claim" | "reader" | "repository"> & { mirrorPath: string },
): Promise<EffectiveSettings> {
  const read = await readEffectiveSettingsOf(deps, { claim, repository, mirrorPath });
  if (read !== null) return read;
  const { accountId, installationId, repositoryId, context } = claim.task;
  const { octokit } = reader;
  // A branch of the repository itself: what a fork says must never lift its own restrictions. Null, where it is gone: the default branch.
  const sha = await readBranchSha(octokit, repository, claim.session.baseRef ?? context.base.ref);
  return readEffectiveSettings(deps, {
    ...{ accountId, installationId, repository: { id: repositoryId, ...repository }, sha },
    from: { octokit },
  });
}
