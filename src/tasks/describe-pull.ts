import type { BuiltCommit } from "../github/build-commit.ts";
import { mirrorHas } from "../github/mirror.ts";
import { renderPullRequest } from "../github/pull-request-text.ts";
import { readPullRequestTemplate } from "../github/read-pull-request-template.ts";
import type { PullText } from "./open-pull.ts";
import type { PublishInput } from "./publish.ts";

/** Title and body of the pull request, given what is pushed; null: nothing is known of it yet. */
export async function describePull(
  input: PublishInput,
): Promise<(commit: Pick<BuiltCommit, "leftOut" | "files"> | null) => PullText> {
  const { task } = input.claim;
  const { mirrorPath, parentSha } = input;
  const { sha: baseSha } = task.context.base;
  const template = await readPullRequestTemplate({
    mirrorPath,
    // The base may have moved on since the mirror was brought up to date for this branch.
    sha: (await mirrorHas(mirrorPath, baseSha)) ? baseSha : parentSha,
    path: input.settings?.pullRequest.template ?? null,
  });
  return (commit) =>
    renderPullRequest({
      template,
      title: input.result.title,
      sections: input.result.sections,
      // The task may have been asked for on the pull request itself.
      issueNumber: input.claim.session.issueNumber,
      issueTitle: task.context.issue.title,
      requester: task.requesterLogin,
      sessionUrl: null,
      taskId: task.id,
      leftOut: commit?.leftOut ?? [],
      files: commit?.files ?? [],
      checks: input.checks,
    });
}
