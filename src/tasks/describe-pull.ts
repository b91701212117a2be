import type { BuiltCommit } from "../github/build-commit.ts";
import { renderPullRequest } from "../github/pull-request-text.ts";
import { readPullRequestTemplate } from "../github/read-pull-request-template.ts";
import type { PullText } from "./open-pull.ts";
import type { PublishInput } from "./publish.ts";

/** Title and body of the pull request, given the files that the policy left out. */
export async function describePull(
  input: PublishInput,
): Promise<(leftOut: BuiltCommit["leftOut"]) => PullText> {
  const { task } = input.claim;
  const template = await readPullRequestTemplate({
    mirrorPath: input.mirrorPath,
    sha: task.context.base.sha,
  });
  return (leftOut) =>
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
      leftOut,
    });
}
