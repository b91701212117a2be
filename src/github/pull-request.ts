import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { refusalOf, toGitHubError } from "./github-error.ts";
import { pacedWrite } from "./paced-write.ts";
import type { RepositoryRef } from "./thread.ts";

export type PullRequest = { number: number; url: string; draft: boolean };

export type OpenPullRequestInput = {
  installationId: number;
  repository: RepositoryRef;
  branch: string;
  baseRef: string;
  draft: boolean;
  text: { title: string; body: string };
  /** Only look whether it stands already. */
  lookOnly: boolean;
};

/**
 * The pull request of our branch: the open one, whoever opened it, else a new draft. Null only with lookOnly.
 */
export async function openPullRequest(
  deps: { system: Db },
  octokit: Octokit,
  input: OpenPullRequestInput,
): Promise<PullRequest | null> {
  const names = { owner: input.repository.owner, repo: input.repository.name };
  try {
    const { data: standing } = await octokit.rest.pulls.list({
      ...names,
      head: `${input.repository.owner}:${input.branch}`,
      state: "open",
      per_page: 10,
    });
    const [found] = standing;
    if (found !== undefined)
      return { number: found.number, url: found.html_url, draft: found.draft === true };
    if (input.lookOnly) return null;
    const made = await pacedWrite(deps, {
      installationId: input.installationId,
      urgency: "pullRequest",
      doing: "opening the pull request",
      write: () =>
        octokit.rest.pulls.create({
          ...names,
          ...input.text,
          head: input.branch,
          base: input.baseRef,
          draft: input.draft,
        }),
    });
    if (made === null) throw refusalOf(404, "opening the pull request");
    return { number: made.data.number, url: made.data.html_url, draft: made.data.draft === true };
  } catch (error) {
    throw toGitHubError(error, "opening the pull request");
  }
}
