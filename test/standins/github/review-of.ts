import { numberOf, pullIssueOf } from "./call.ts";
import type { RepositoryCall } from "./call.ts";
import { pullOf } from "./facts-pulls.ts";
import { notFound } from "./http-error.ts";
import type { Issue, Review } from "./state.ts";

/** The review that the path names, with its pull request. */
export function reviewOf(call: RepositoryCall): { issue: Issue; review: Review } {
  const issue = pullIssueOf(call);
  const review = pullOf(issue).reviews.find(({ id }) => id === numberOf(call, "review_id"));
  if (review === undefined) throw notFound();
  return { issue, review };
}
