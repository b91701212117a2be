import type { Octokit } from "@octokit/rest";
import { isMissing, toGitHubError } from "./github-error.ts";
import { readSettingsFile, type SettingsFileAt } from "./read-settings-file.ts";
import type { RepositoryRef } from "./thread.ts";

/**
 * The settings file at the head of a pull request, null when the pull request does not touch it: two requests where base and
 * head have the same one, else up to two more for where the head left the base. A fork's head is read in the
 * base's repository, which has it too. Rejects as `toGitHubError` says.
 */
export async function readTouchedSettings(
  octokit: Octokit,
  input: { repository: RepositoryRef; baseSha: string; headSha: string },
): Promise<SettingsFileAt | null> {
  const { repository, baseSha, headSha } = input;
  const read = (at: string) => readSettingsFile(octokit, { repository, at });
  try {
    const [base, head] = [await read(baseSha), await read(headSha)];
    if (base.blob === head.blob) return null;
    const forkSha = await findForkPoint(octokit, input);
    const fork = forkSha === null || forkSha === baseSha ? base : await read(forkSha);
    return fork.blob === head.blob ? null : head;
  } catch (error) {
    throw toGitHubError(error, "reading the settings file of a pull request");
  }
}

/** Null: the two have no commit in common. */
async function findForkPoint(
  octokit: Octokit,
  { repository, baseSha, headSha }: { repository: RepositoryRef; baseSha: string; headSha: string },
): Promise<string | null> {
  try {
    const { data } = await octokit.rest.repos.compareCommitsWithBasehead({
      ...{ owner: repository.owner, repo: repository.name, basehead: `${baseSha}...${headSha}` },
      // The changed files, which may be megabytes, stand on the first page only.
      ...{ per_page: 1, page: 2 },
    });
    return data.merge_base_commit.sha;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
