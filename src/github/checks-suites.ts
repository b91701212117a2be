import type { Octokit } from "@octokit/rest";
import { toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

/** A workflow that is about to begin has a suite without runs for a moment; one that stays empty never will run. */
const emptyForMs = 10 * 60_000;

/**
 * The names of the Apps whose suites on a commit are not over. GitHub gives every App that may write checks an empty suite
 * with each push, ours too, and it stays queued for ever: those are not waited for.
 */
export async function readPendingSuites(
  octokit: Octokit,
  input: { repository: RepositoryRef; sha: string; ourAppId: number; now: Date },
): Promise<string[]> {
  const { repository, sha, ourAppId, now } = input;
  const { data } = await octokit.rest.checks
    .listSuitesForRef({ owner: repository.owner, repo: repository.name, ref: sha, per_page: 100 })
    .catch((error: unknown) => {
      throw toGitHubError(error, "reading the check suites of a commit");
    });
  return data.check_suites.flatMap((suite) => {
    if (suite.app?.id === ourAppId || suite.status === "completed") return [];
    const runs = suite.latest_check_runs_count;
    const begins =
      suite.app?.slug === "github-actions" &&
      suite.created_at !== null &&
      now.getTime() - new Date(suite.created_at).getTime() < emptyForMs;
    return runs > 0 || begins ? [suite.app?.name ?? "checks"] : [];
  });
}
