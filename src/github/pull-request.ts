import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { UserError } from "../errors.ts";
import { GitHubRefusal, refusalOf, toGitHubError } from "./github-error.ts";
import { pacedWrite } from "./paced-write.ts";
import { readBranchSha } from "./read-branch.ts";
import type { RepositoryRef } from "./thread.ts";

export type PullRequest = { number: number; url: string; draft: boolean };

export type OpenPullRequestInput = {
  installationId: number;
  repository: RepositoryRef;
  branch: string;
  baseRef: string;
  draft: boolean;
  text: { title: string; body: string };
};

/** Opens the pull request of our branch; one that is open already, whoever opened it, is taken instead. */
export async function openPullRequest(
  deps: { system: Db },
  octokit: Octokit,
  input: OpenPullRequestInput,
): Promise<PullRequest> {
  try {
    return await createPullRequest(deps, octokit, input);
  } catch (error) {
    // This is also what GitHub says when there is one, and a request of an earlier attempt may arrive late.
    const refused = error instanceof GitHubRefusal && error.status === 422;
    const standing = refused ? await findPullRequest(octokit, input) : null;
    if (standing !== null) return standing;
    if (refused && (await readBranchSha(octokit, input.repository, input.baseRef)) === null)
      throw baseGone(input, error);
    throw error;
  }
}

function baseGone({ baseRef, branch }: OpenPullRequestInput, cause: unknown): UserError {
  return new UserError(
    "base-gone",
    `The branch \`${baseRef}\`, which the pull request was for, has been deleted; the work is on \`${branch}\`.`,
    `Open a pull request from \`${branch}\` to another branch, or bring the base back and repeat the command.`,
    { cause },
  );
}

/** The open pull request of our branch; null when there is none. */
export async function findPullRequest(
  octokit: Octokit,
  input: Pick<OpenPullRequestInput, "repository" | "branch">,
): Promise<PullRequest | null> {
  const { owner, name } = input.repository;
  const { data } = await octokit.rest.pulls
    .list({ owner, repo: name, head: `${owner}:${input.branch}`, state: "open", per_page: 10 })
    .catch((error: unknown) => {
      throw toGitHubError(error, "looking for the pull request");
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

/** Asks people and teams (slugs) for a review; asking somebody again changes nothing. GitHubRefusal when one of them cannot review here. */
export async function requestReviewers(
  deps: { system: Db },
  octokit: Octokit,
  input: {
    installationId: number;
    repository: RepositoryRef;
    number: number;
    reviewers: readonly string[];
    teamReviewers: readonly string[];
  },
): Promise<void> {
  await pacedWrite(deps, {
    installationId: input.installationId,
    urgency: "edit",
    doing: "asking for reviewers",
    write: () =>
      octokit.rest.pulls.requestReviewers({
        owner: input.repository.owner,
        repo: input.repository.name,
        pull_number: input.number,
        reviewers: [...input.reviewers],
        team_reviewers: [...input.teamReviewers],
      }),
  });
}
