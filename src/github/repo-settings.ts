import { toRepoSettings, type RepoSettings } from "./repo-settings-schema.ts";
import type { SettingsProblem } from "./repo-settings-yaml.ts";
import { repoSettingsPath, settingsAtCommit } from "./settings-at-commit.ts";

export type ReadRepoSettings = {
  settings: RepoSettings;
  /** Empty for a sound file and for none; with any, the settings are the defaults. */
  problems: readonly SettingsProblem[];
  /** The file's path in the repository. */
  path: string;
  sha: string;
};

/**
 * The setup that a repository's settings name at a commit of the bot's own mirror, of the base and never of what an agent
 * made. A bad file is no error: it gives the defaults and says what is wrong. Rejects when git itself fails.
 */
export async function readRepoSettings(input: {
  mirrorPath: string;
  sha: string;
}): Promise<ReadRepoSettings> {
  const { sha } = input;
  const parsed = await settingsAtCommit(input);
  const settings = toRepoSettings(parsed?.ok === true ? parsed.file : {});
  return { settings, problems: parsed?.ok === false ? parsed.problems : [], path: repoSettingsPath, sha };
}
