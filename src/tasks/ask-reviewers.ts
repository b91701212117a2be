import type { Octokit } from "@octokit/rest";
import { withAccount } from "../../db/client.ts";
import { GitHubRefusal } from "../github/github-error.ts";
import { toInlineCode } from "../github/inline-text.ts";
import { requestReviewers } from "../github/pull-request.ts";
import { addRemark } from "./fence-store.ts";
import type { PublishDeps, PublishInput } from "./publish.ts";
import { holderOf, runStep } from "./steps.ts";

type Reviewer = { kind: "person" | "team"; name: string };

/**
 * Asks the reviewers of the settings, once, when the pull request is first opened: people who have reviewed it already are
 * asked by nobody but themselves. Whom GitHub refuses is named in the thread, and costs nobody the pull request.
 */
export async function askReviewers(
  deps: PublishDeps,
  { claim, repository, settings }: Pick<PublishInput, "claim" | "repository" | "settings">,
  { octokit, number }: { octokit: Octokit; number: number },
): Promise<void> {
  const { reviewers = [], teamReviewers = [] } = settings?.pullRequest ?? {};
  const wanted: Reviewer[] = [
    ...reviewers.map((name) => ({ kind: "person" as const, name })),
    ...teamReviewers.map((name) => ({ kind: "team" as const, name })),
  ];
  if (claim.session.pullNumber !== null || wanted.length === 0) return;
  const { id: taskId, accountId, installationId } = claim.task;
  const ask = (some: readonly Reviewer[]) =>
    requestReviewers(deps, octokit, {
      ...{ installationId, repository, number },
      reviewers: some.filter(({ kind }) => kind === "person").map(({ name }) => name),
      teamReviewers: some.filter(({ kind }) => kind === "team").map(({ name }) => name),
    });
  await runStep(deps, holderOf(claim), {
    name: "reviewers",
    find: () => Promise.resolve(null),
    act: async () => {
      const refused = await askWhoMay(wanted, ask);
      if (refused.length > 0) {
        deps.log.warn({ taskId, refused }, "GitHub takes some reviewers of the settings for none");
        const remark = renderRefused(refused, repository.owner);
        await withAccount(deps.db, accountId, (tx) => addRemark(tx, { taskId, fence: claim.fence, remark }));
      }
      return { refused: refused.map(({ name }) => name) };
    },
  });
}

/** GitHub refuses a request as a whole and does not say for whom, so then each is asked alone. Answers those refused. */
async function askWhoMay(
  wanted: readonly Reviewer[],
  ask: (some: readonly Reviewer[]) => Promise<void>,
): Promise<readonly Reviewer[]> {
  try {
    await ask(wanted);
    return [];
  } catch (error) {
    if (!(error instanceof GitHubRefusal)) throw error;
    if (wanted.length === 1) return wanted;
  }
  const refused: Reviewer[] = [];
  for (const reviewer of wanted) refused.push(...(await askWhoMay([reviewer], ask)));
  return refused;
}

function renderRefused(refused: readonly Reviewer[], owner: string): string {
  const names = refused.map(({ kind, name }) => toInlineCode(kind === "team" ? `${owner}/${name}` : name));
  return `GitHub takes no review request for ${names.join(", ")}: reviewers (\`pr.reviewers\` in the settings) need access to this repository.`;
}
