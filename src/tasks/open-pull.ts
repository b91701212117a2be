import type { Octokit } from "@octokit/rest";
import { withAccount } from "../../db/client.ts";
import { GitHubRefusal } from "../github/github-error.ts";
import {
  findPullRequest,
  openPullRequest,
  requestReviewers,
  type PullRequest,
} from "../github/pull-request.ts";
import { updateSession } from "../sessions/session-store.ts";
import type { PublishDeps, PublishInput } from "./publish.ts";
import { holderOf, runStep } from "./steps.ts";

export type PullText = { title: string; body: string };

/** Finds or makes the pull request of the branch, a step; the session keeps its number. */
export async function openPull(
  deps: PublishDeps,
  input: PublishInput,
  pull: { octokit: Octokit; branch: string; text: PullText },
): Promise<PullRequest> {
  const { claim } = input;
  const { task } = claim;
  const wanted = {
    installationId: task.installationId,
    repository: input.repository,
    branch: pull.branch,
    baseRef: task.context.base.ref,
    draft: task.options.draft !== false,
    text: pull.text,
  };
  const opened = await runStep(deps, holderOf(claim), {
    name: "pull-request",
    find: () => findPullRequest(pull.octokit, wanted),
    act: () => openPullRequest(deps, pull.octokit, wanted),
  });
  await askReviewers(deps, input, { octokit: pull.octokit, number: opened.number });
  await withAccount(deps.db, claim.task.accountId, (tx) =>
    updateSession(tx, {
      sessionId: claim.session.id,
      taskId: claim.task.id,
      fence: claim.fence,
      set: { pullNumber: opened.number },
    }),
  );
  return opened;
}

/** Once per task that has a pull request of ours; people who have reviewed it already are asked by nobody but themselves. */
async function askReviewers(
  deps: PublishDeps,
  { claim, repository, settings }: PublishInput,
  { octokit, number }: { octokit: Octokit; number: number },
): Promise<void> {
  const { reviewers = [], teamReviewers = [] } = settings?.pullRequest ?? {};
  // The first round opens it; a later one must not ask again.
  const wanted = claim.session.pullNumber === null && reviewers.length + teamReviewers.length > 0;
  if (!wanted) return;
  await runStep(deps, holderOf(claim), {
    name: "reviewers",
    find: () => Promise.resolve(null),
    act: async () => {
      try {
        await requestReviewers(deps, octokit, {
          ...{ installationId: claim.task.installationId, repository, number, reviewers, teamReviewers },
        });
        return { asked: true };
      } catch (error) {
        // A name that is no reviewer here must not cost anybody the pull request.
        if (!(error instanceof GitHubRefusal)) throw error;
        deps.log.warn({ err: error, taskId: claim.task.id }, "the reviewers of the settings were not asked");
        return { asked: false };
      }
    },
  });
}
