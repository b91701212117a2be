import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { GitHubRefusal, refusalOf, toGitHubError } from "./github-error.ts";
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
  try {
    const found = await findPullRequest(octokit, input);
    if (found !== null || input.lookOnly) return found;
    return await createPullRequest(deps, octokit, input);
  } catch (error) {
    // A request of an earlier attempt may have arrived after we looked.
    const standing =
      error instanceof GitHubRefusal && error.status === 422 ? await findPullRequest(octokit, input) : null;
    if (standing !== null) return standing;
    throw toGitHubError(error, "opening the pull request");
  }
}

async function findPullRequest(octokit: Octokit, input: OpenPullRequestInput): Promise<PullRequest | null> {
  const { owner, name } = input.repository;
  const { data } = await octokit.rest.pulls.list({
    owner,
    repo: name,
    head: `${owner}:${input.branch}`,
    state: "open",
    per_page: 10,
  });
  const [found] = data;
  return found === undefined
    ? null
    : { number: found.number, url: found.html_url, draft: found.draft === true };
}

async function createPullRequest(
  deps: { system: Db },
  octokit: Octokit,
  input: OpenPullRequestInput,
): Promise<PullRequest> {
  const made = await pacedWrite(deps, {
    installationId: input.installationId,
    urgency: "pullRequest",
    doing: "opening the pull request",
    write: () =>
      octokit.rest.pulls.create({
        owner: input.repository.owner,
        repo: input.repository.name,
        ...input.text,
        head: input.branch,
        base: input.baseRef,
        draft: input.draft,
      }),
  });
  if (made === null) throw refusalOf(404, "opening the pull request");
  return { number: made.data.number, url: made.data.html_url, draft: made.data.draft === true };
}
