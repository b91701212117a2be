import type { Octokit } from "@octokit/rest";
import { withAccount } from "../../db/client.ts";
import { findPullRequest, openPullRequest, type PullRequest } from "../github/pull-request.ts";
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
