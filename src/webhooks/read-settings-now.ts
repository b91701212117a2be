import type { RepositoryClient } from "../github/octokit.ts";
import type { Settings } from "../github/settings-values.ts";
import { readEffectiveSettings, type EffectiveDeps } from "../tasks/effective-settings.ts";

/** What holds in a repository as its default branch stands now. */
export async function readSettingsNow(
  deps: EffectiveDeps,
  input: {
    accountId: string;
    installationId: number;
    repositoryId: number;
    /** May read the contents. */
    client: Pick<RepositoryClient, "octokit" | "owner" | "name">;
  },
): Promise<Settings> {
  const { accountId, installationId, repositoryId: id, client } = input;
  const { octokit, owner, name } = client;
  const { settings } = await readEffectiveSettings(deps, {
    ...{ accountId, installationId, sha: null, from: { octokit } },
    repository: { id, owner, name },
  });
  return settings;
}
