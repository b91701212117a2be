import type { EmitterWebhookEventName } from "@octokit/webhooks";
import type { Probot } from "probot";
import { onChecksCompleted } from "./webhooks/checks.ts";
import { onCommentCreated, onCommentEdited } from "./webhooks/comments.ts";
import { onInstallation, onInstallationRepositories, onRepository } from "./webhooks/installations.ts";
import { onIssueAssigned, onIssueGone, onIssueLabeled } from "./webhooks/issues.ts";
import {
  onPullRequestClosed,
  onPullRequestEdited,
  onPullRequestPushed,
  onPullRequestReopened,
} from "./webhooks/pulls.ts";
import { onReviewCommentCreated } from "./webhooks/review-comments.ts";
import { onReviewDismissed } from "./webhooks/review-dismissed.ts";
import { onReviewSubmitted } from "./webhooks/reviews.ts";
import type { TriggerDeps } from "./webhooks/trigger.ts";

/** Answers in a word what became of the event, for the log. */
type Handler = (deps: TriggerDeps, delivery: { id: string; payload: unknown }) => Promise<string>;

/** What starts things. A test holds app.yml to this table. */
export const handlers = {
  "issue_comment.created": (deps, { id, payload }) => onCommentCreated(deps, id, payload),
  "issue_comment.edited": (deps, { id, payload }) => onCommentEdited(deps, id, payload),
  "issues.labeled": (deps, { id, payload }) => onIssueLabeled(deps, id, payload),
  "issues.assigned": (deps, { id, payload }) => onIssueAssigned(deps, id, payload),
  "issues.closed": (deps, { payload }) => onIssueGone(deps, payload),
  "issues.deleted": (deps, { payload }) => onIssueGone(deps, payload),
  "issues.transferred": (deps, { payload }) => onIssueGone(deps, payload),
  "pull_request.opened": (deps, { payload }) => onPullRequestPushed(deps, payload),
  "pull_request.synchronize": (deps, { payload }) => onPullRequestPushed(deps, payload),
  "pull_request.closed": (deps, { id, payload }) => onPullRequestClosed(deps, id, payload),
  "pull_request.edited": (deps, { id, payload }) => onPullRequestEdited(deps, id, payload),
  "pull_request.reopened": (deps, { payload }) => onPullRequestReopened(deps, payload),
  "pull_request_review.submitted": (deps, { id, payload }) => onReviewSubmitted(deps, id, payload),
  "pull_request_review.dismissed": (deps, { payload }) => onReviewDismissed(deps, payload),
  "pull_request_review_comment.created": (deps, { id, payload }) => onReviewCommentCreated(deps, id, payload),
  "check_suite.completed": (deps, { id, payload }) => onChecksCompleted(deps, id, payload),
  status: (deps, { id, payload }) => onChecksCompleted(deps, id, payload),
  installation: (deps, { payload }) => onInstallation(deps, payload),
  installation_repositories: (deps, { payload }) => onInstallationRepositories(deps, payload),
  repository: (deps, { payload }) => onRepository(deps, payload),
} as const satisfies Partial<Record<EmitterWebhookEventName, Handler>>;

/** The Probot application function: each event to its handler, each with one closing line in the log. */
export function createApp(deps: TriggerDeps): (app: Probot) => void {
  return (app) => {
    for (const [event, handle] of Object.entries(handlers) as [EmitterWebhookEventName, Handler][]) {
      app.on(event, async ({ id, payload }) => {
        const since = performance.now();
        const outcome = await handle(deps, { id, payload });
        const durationMs = Math.round(performance.now() - since);
        deps.log.info({ deliveryId: id, event, outcome, durationMs }, "webhook handled");
      });
    }
  };
}
