import type { Octokit } from "@octokit/rest";
import { UserError } from "../errors.ts";
import { toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

/**
 * Asks GitHub whether a person's branch is one that we may write to: UserError `branch-protected` where it is the
 * repository's default branch or protected.
 */
export async function assertOpenBranch(
  octokit: Octokit,
  { owner, name }: RepositoryRef,
  branch: string,
): Promise<void> {
  const [repository, head] = await Promise.all([
    octokit.rest.repos.get({ owner, repo: name }),
    octokit.rest.repos.getBranch({ owner, repo: name, branch }),
  ]).catch((error: unknown) => {
    throw toGitHubError(error, "asking whether a branch is protected");
  });
  const why =
    repository.data.default_branch === branch
      ? "the default branch"
      : head.data.protected
        ? "a protected branch"
        : null;
  if (why === null) return;
  throw new UserError(
    "branch-protected",
    `\`${branch}\` is ${why} of this repository, which is never written to.`,
    "Open the pull request from another branch, then write the command again.",
  );
}
