import type { Octokit } from "@octokit/rest";
import { isMissing, toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

/** A pull request as GitHub has it now; `head.sameRepository` false: its branch is in a fork, or in one that is gone. */
export type PullFacts = {
  id: number;
  number: number;
  url: string;
  title: string;
  body: string;
  author: { id: number; login: string; type: string };
  state: "open" | "closed";
  merged: boolean;
  draft: boolean;
  head: { ref: string; sha: string; sameRepository: boolean };
  base: { ref: string; sha: string; repositoryId: number; defaultBranch: string };
  /** Null: GitHub has not worked it out yet. */
  mergeable: boolean | null;
};

/** Null when there is no such pull request (any more). */
export async function readPull(
  octokit: Octokit,
  input: { repository: RepositoryRef; number: number },
): Promise<PullFacts | null> {
  const { repository, number } = input;
  try {
    const { data } = await octokit.rest.pulls.get({
      owner: repository.owner,
      repo: repository.name,
      pull_number: number,
    });
    const { head, base, user } = data;
    return {
      id: data.id,
      number,
      url: data.html_url,
      title: data.title,
      body: data.body ?? "",
      author: { id: user.id, login: user.login, type: user.type },
      state: data.state,
      merged: data.merged,
      draft: data.draft === true,
      head: { ref: head.ref, sha: head.sha, sameRepository: forkOf(head.repo) === base.repo.id },
      base: {
        ref: base.ref,
        sha: base.sha,
        repositoryId: base.repo.id,
        defaultBranch: base.repo.default_branch,
      },
      mergeable: data.mergeable,
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw toGitHubError(error, "reading the pull request");
  }
}

/** GitHub's description says that a head always has a repository; a deleted fork has none. */
function forkOf(repository: { id: number } | null): number | null {
  return repository?.id ?? null;
}

/** Whether GitHub protects a branch; false for one that does not exist. */
export async function isProtectedBranch(
  octokit: Octokit,
  repository: RepositoryRef,
  branch: string,
): Promise<boolean> {
  try {
    const { data } = await octokit.rest.repos.getBranch({
      owner: repository.owner,
      repo: repository.name,
      branch,
    });
    return data.protected;
  } catch (error) {
    if (isMissing(error)) return false;
    throw toGitHubError(error, "asking whether the branch is protected");
  }
}
