import type { Octokit } from "@octokit/rest";
import { isMissing, toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

export type CheckAnnotation = { path: string; line: number; level: string; message: string };

/** The first fifty places of the code that a check run names. */
export async function readAnnotations(
  octokit: Octokit,
  input: { repository: RepositoryRef; checkRunId: number },
): Promise<CheckAnnotation[]> {
  const { repository, checkRunId } = input;
  try {
    const { data } = await octokit.rest.checks.listAnnotations({
      ...{ owner: repository.owner, repo: repository.name },
      ...{ check_run_id: checkRunId, per_page: 50 },
    });
    return data.map((found) => ({
      path: found.path,
      line: found.start_line,
      level: found.annotation_level ?? "notice",
      message: found.message ?? "",
    }));
  } catch (error) {
    if (isMissing(error)) return [];
    throw toGitHubError(error, "reading the annotations of a check");
  }
}
