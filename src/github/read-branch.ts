import type { Octokit } from "@octokit/rest";
import { isMissing, toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

/** Where a branch stands on GitHub; null when it does not exist. */
export async function readBranchSha(
  octokit: Octokit,
  repository: RepositoryRef,
  branch: string,
): Promise<string | null> {
  try {
    const { data } = await octokit.rest.git.getRef({
      owner: repository.owner,
      repo: repository.name,
      ref: `heads/${branch}`,
    });
    return data.object.sha;
  } catch (error) {
    if (isMissing(error)) return null;
    throw toGitHubError(error, "reading the branch");
  }
}
