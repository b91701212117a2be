import type { Octokit } from "@octokit/rest";
import { isMissing, toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

export type ReviewAuthor = { id: number; login: string; type: string };

export type ReviewFacts = {
  id: number;
  /** In lower case, as webhooks have it. */
  state: string;
  author: ReviewAuthor;
  body: string;
  submittedAt: Date;
};

export type ReviewRemark = {
  id: number;
  reviewId: number | null;
  /** The first comment of its thread; null: it is that itself. */
  inReplyTo: number | null;
  author: ReviewAuthor | null;
  viaAppId: number | null;
  body: string;
  createdAt: Date;
  updatedAt: Date;
  path: string;
  line: number | null;
  startLine: number | null;
  side: "LEFT" | "RIGHT";
  /** Its line was there once, and the pull request has moved on. */
  outdated: boolean;
  diffHunk: string;
};

/** More than this is no conversation but a log. */
const maxPages = 10;

type At = { repository: RepositoryRef; pullNumber: number };

/** A submitted review; null when it was dismissed out of existence or its pull request is gone. */
export async function readReview(
  octokit: Octokit,
  { repository, pullNumber, reviewId }: At & { reviewId: number },
): Promise<ReviewFacts | null> {
  try {
    const { data } = await octokit.rest.pulls.getReview({
      owner: repository.owner,
      repo: repository.name,
      pull_number: pullNumber,
      review_id: reviewId,
    });
    if (data.user === null) return null;
    const { id, login, type } = data.user;
    return {
      id: data.id,
      state: data.state.toLowerCase(),
      author: { id, login, type },
      body: data.body,
      submittedAt: new Date(data.submitted_at ?? Number.NaN),
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw toGitHubError(error, "reading the review");
  }
}

/**
 * All inline comments of a pull request, oldest first, a thousand at most. The list of one review's comments is not asked for,
 * because it lacks their lines and the threads they answer in.
 */
export async function readReviewRemarks(
  octokit: Octokit,
  { repository, pullNumber }: At,
): Promise<{ remarks: ReviewRemark[]; complete: boolean }> {
  const remarks: ReviewRemark[] = [];
  for (let page = 1; page <= maxPages; page++) {
    const { data } = await octokit.rest.pulls
      .listReviewComments({
        owner: repository.owner,
        repo: repository.name,
        pull_number: pullNumber,
        // Newest first, so that a limit takes the oldest away.
        sort: "created",
        direction: "desc",
        per_page: 100,
        page,
      })
      .catch((error: unknown) => {
        throw toGitHubError(error, "reading the review's comments");
      });
    remarks.push(...data.map(toRemark));
    if (data.length < 100) return { remarks: oldestFirst(remarks), complete: true };
  }
  return { remarks: oldestFirst(remarks), complete: false };
}

type Listed = Awaited<ReturnType<Octokit["rest"]["pulls"]["listReviewComments"]>>["data"][number];

function toRemark(item: Listed): ReviewRemark {
  const user = item.user as Listed["user"] | null;
  const line = item.line ?? null;
  return {
    id: item.id,
    reviewId: item.pull_request_review_id,
    inReplyTo: item.in_reply_to_id ?? null,
    author: user === null ? null : { id: user.id, login: user.login, type: user.type },
    viaAppId: viaAppOf(item),
    body: item.body,
    createdAt: new Date(item.created_at),
    updatedAt: new Date(item.updated_at),
    path: item.path,
    line: line ?? item.original_line ?? null,
    startLine: item.start_line ?? item.original_start_line ?? null,
    side: item.side === "LEFT" ? "LEFT" : "RIGHT",
    // A comment on a whole file never had a line.
    outdated: line === null && item.subject_type !== "file",
    diffHunk: item.diff_hunk,
  };
}

/** The description of this list does not have the field, though GitHub sends it. */
function viaAppOf(item: object): number | null {
  const app: unknown = "performed_via_github_app" in item ? item.performed_via_github_app : null;
  return typeof app === "object" && app !== null && "id" in app && typeof app.id === "number" ? app.id : null;
}

const oldestFirst = (remarks: readonly ReviewRemark[]) =>
  [...remarks].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || a.id - b.id);
