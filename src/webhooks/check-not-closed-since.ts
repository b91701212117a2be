import type { Octokit } from "@octokit/rest";
import { UserError } from "../errors.ts";
import { isMissing, toGitHubError } from "../github/github-error.ts";
import type { RepositoryRef } from "../github/thread.ts";

/**
 * Whoever closes an issue ends what was asked for before, whichever of the two deliveries comes first. UserError `closed` when it was
 * closed after the trigger. GitHub's times are whole seconds: "Close with comment" does both in one, and its command counts.
 */
export async function checkNotClosedSince(
  octokit: Octokit,
  input: { repository: RepositoryRef; issueNumber: number; triggeredAt: Date },
): Promise<void> {
  const { repository, issueNumber, triggeredAt } = input;
  const issue = await octokit.rest.issues
    .get({ owner: repository.owner, repo: repository.name, issue_number: issueNumber })
    .then(({ data }) => data)
    .catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw toGitHubError(error, "reading the issue");
    });
  const closedAt = issue?.state === "closed" && issue.closed_at !== null ? new Date(issue.closed_at) : null;
  if (closedAt === null || closedAt <= triggeredAt) return;
  throw new UserError(
    "closed",
    "This issue was closed after the command, so nothing was started.",
    "If it is still wanted, write the command once more; that works on a closed issue, too.",
  );
}
