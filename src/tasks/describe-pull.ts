import type { BuiltCommit } from "../github/build-commit.ts";
import { mirrorHas } from "../github/mirror-has.ts";
import { renderPullRequest, type PullRequestInput } from "../github/pull-request-text.ts";
import { readPullRequestTemplate } from "../github/read-pull-request-template.ts";
import type { PullText } from "./open-pull.ts";
import type { PublishInput } from "./publish.ts";

/** Whose words make the title. */
export function titleOf({ claim, result }: Pick<PublishInput, "claim" | "result">) {
  // The task may have been asked for on the pull request itself.
  const { issueNumber } = claim.session;
  return { title: result.title, issueNumber, issueTitle: claim.task.context.issue.title };
}

/** Title and body of the pull request, given what is pushed. */
export function describePull(
  input: PublishInput,
  {
    template,
    commit,
  }: Pick<PullRequestInput, "template"> & { commit: Pick<BuiltCommit, "leftOut" | "files"> },
): PullText {
  const { task } = input.claim;
  return renderPullRequest({
    ...titleOf(input),
    template,
    sections: input.result.sections,
    requester: task.requesterLogin,
    sessionUrl: null,
    taskId: task.id,
    leftOut: commit.leftOut,
    files: commit.files,
    checks: input.checks,
  });
}

/** The repository's own template at the base, or where the work starts: the base may have moved on since the mirror was brought up to date. */
export async function readTemplate({
  claim,
  mirrorPath,
  parentSha,
  settings,
}: PublishInput): Promise<string | null> {
  const { sha } = claim.task.context.base;
  const path = settings?.pullRequest.template ?? null;
  return readPullRequestTemplate({
    mirrorPath,
    sha: (await mirrorHas(mirrorPath, sha)) ? sha : parentSha,
    path,
  });
}
