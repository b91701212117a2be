import type { Octokit } from "@octokit/rest";
import { withAccount } from "../../db/client.ts";
import { UserError } from "../errors.ts";
import {
  findPullRequest,
  openPullRequest,
  type OpenPullRequestInput,
  type PullRequest,
} from "../github/pull-request.ts";
import { readBase } from "../github/thread.ts";
import { updateSession } from "../sessions/session-store.ts";
import { askReviewers } from "./ask-reviewers.ts";
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
  const find = () => findPullRequest(pull.octokit, wanted);
  const opened = await runStep(deps, holderOf(claim), {
    name: "pull-request",
    find,
    act: async () => {
      // To be told that there is one costs a write of the few that GitHub allows in a minute.
      const standing = claim.session.pullNumber === null ? null : await find();
      return (
        standing ??
        (await openPullRequest(deps, pull.octokit, wanted).catch((error: unknown) =>
          onRenamedBase(deps, input, { octokit: pull.octokit, wanted, error }),
        ))
      );
    },
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

/** A default branch that was renamed during the turn goes on under its new name; one that somebody named himself is simply gone. */
async function onRenamedBase(
  deps: PublishDeps,
  { claim, repository }: PublishInput,
  { octokit, wanted, error }: { octokit: Octokit; wanted: OpenPullRequestInput; error: unknown },
): Promise<PullRequest> {
  const gone = error instanceof UserError && error.code === "base-gone";
  if (!gone || claim.task.options.base !== undefined) throw error;
  const base = await readBase(octokit, { repository });
  if (base === null || base.ref === wanted.baseRef) throw error;
  const opened = await openPullRequest(deps, octokit, { ...wanted, baseRef: base.ref });
  const { task, session, fence } = claim;
  await withAccount(deps.db, task.accountId, (tx) =>
    updateSession(tx, { sessionId: session.id, taskId: task.id, fence, set: { baseRef: base.ref } }),
  );
  return opened;
}
