import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { refusalOf, toGitHubError } from "./github-error.ts";
import { findMark, mark } from "./mark.ts";
import { pacedWrite } from "./paced-write.ts";
import type { RepositoryRef } from "./thread.ts";

type Pull = { repository: RepositoryRef; pullNumber: number };

export type SubmittedReview = { id: number; url: string };

export type ReviewComment = {
  path: string;
  line: number;
  startLine: number | null;
  side: "LEFT" | "RIGHT";
  /** Markdown, fit to be shown. */
  body: string;
  key: string;
};

const names = ({ repository, pullNumber }: Pull) => ({
  owner: repository.owner,
  repo: repository.name,
  pull_number: pullNumber,
});

/** Our own review that carries this mark; null when there is none. */
export async function findReview(
  octokit: Octokit,
  input: Pull & { key: string; botId: number },
): Promise<SubmittedReview | null> {
  const wanted = mark("review", input.key);
  try {
    const reviews = await octokit.paginate(octokit.rest.pulls.listReviews, {
      ...names(input),
      per_page: 100,
    });
    const ours = reviews.find(
      ({ user, body }) => user?.id === input.botId && body.trimEnd().endsWith(wanted),
    );
    return ours === undefined ? null : { id: ours.id, url: ours.html_url };
  } catch (error) {
    throw toGitHubError(error, "looking for our review");
  }
}

/** The keys of what we have remarked on this pull request before. */
export async function listFindingKeys(
  octokit: Octokit,
  input: Pull & { botId: number },
): Promise<Set<string>> {
  try {
    const comments = await octokit.paginate(octokit.rest.pulls.listReviewComments, {
      ...names(input),
      per_page: 100,
    });
    const keys = comments.flatMap(({ user, body }) => {
      const found = user.id === input.botId ? findMark(body) : null;
      return found?.kind === "finding" ? [found.key] : [];
    });
    return new Set(keys);
  } catch (error) {
    throw toGitHubError(error, "reading our earlier remarks");
  }
}

/** Submits one review with its inline comments: a comment, never an approval or a refusal. */
export async function submitReview(
  deps: { system: Db },
  octokit: Octokit,
  input: Pull & {
    installationId: number;
    key: string;
    headSha: string;
    body: string;
    comments: readonly ReviewComment[];
  },
): Promise<SubmittedReview> {
  const written = await pacedWrite(deps, {
    installationId: input.installationId,
    urgency: "pullRequest",
    doing: "submitting the review",
    write: () =>
      octokit.rest.pulls.createReview({
        ...names(input),
        commit_id: input.headSha,
        event: "COMMENT",
        body: `${input.body}\n\n${mark("review", input.key)}`,
        comments: input.comments.map(({ path, line, startLine, side, body, key }) => ({
          path,
          line,
          side,
          ...(startLine === null ? {} : { start_line: startLine, start_side: side }),
          body: `${body}\n\n${mark("finding", key)}`,
        })),
      }),
  });
  if (written === null) throw refusalOf(404, "submitting the review");
  return { id: written.data.id, url: written.data.html_url };
}
