import { numberOf } from "./call.ts";
import type { RepositoryCall } from "./call.ts";
import { notFound } from "./http-error.ts";
import type { Issue, Pull, ReviewComment } from "./state.ts";

/** The inline comment that the path names, with its pull request. */
export function reviewCommentOf(call: RepositoryCall): { issue: Issue; pull: Pull; comment: ReviewComment } {
  const id = numberOf(call, "comment_id");
  for (const issue of call.repository.issues.values()) {
    const comment = issue.pull?.comments.find((candidate) => candidate.id === id);
    if (issue.pull && comment !== undefined) return { issue, pull: issue.pull, comment };
  }
  throw notFound();
}
