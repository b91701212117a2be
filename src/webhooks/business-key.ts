import { z } from "zod";
import { readCheckResult } from "./business-key-checks.ts";
import { mayHoldCommand } from "./command-trigger.ts";
import type { Body, DeliveryKind } from "./delivery-kind.ts";
import { quotesCommand } from "./quoted-command.ts";

/** What a delivery asks of us. `at`: when the person asked, for triggers; null for news, which does not grow old. */
export type DeliveryRequest = {
  /** Names what is asked, independent of the delivery, so that a replay is the same request; null: any number is fine. */
  businessKey: string | null;
  at: Date | null;
};

const action = z.string();
const time = z.iso.datetime({ offset: true });
const issue = z.object({ id: z.int(), updated_at: time });

const comment = z.object({ id: z.int(), body: z.string(), created_at: time });
/** Absent in the bodies of older senders, who then have to name us. */
const byAccount = z.object({ id: z.int(), type: z.string() }).nullish();
const commentCreated = z.object({
  action: z.literal("created"),
  issue: z.object({ pull_request: z.unknown(), user: byAccount }).partial().optional(),
  comment: comment.extend({ user: byAccount }),
});
const commentEdited = z.object({
  action: z.literal("edited"),
  comment: comment.extend({ updated_at: time.optional(), user: byAccount }),
});
const onPull = z.object({ head: z.object({ ref: z.string() }), user: byAccount });
const reviewSubmitted = z.object({
  action: z.literal("submitted"),
  review: z.object({ id: z.int(), body: z.string().nullable(), submitted_at: time, user: byAccount }),
  pull_request: onPull,
});
const reviewDismissed = z.object({ review: z.object({ id: z.int() }) });
const reviewCommentCreated = z.object({ action: z.literal("created"), comment });
const labeled = z.object({
  action: z.literal("labeled"),
  issue,
  label: z.object({ id: z.int() }),
});
const assigned = z.object({ action: z.literal("assigned"), issue, assignee: z.object({ id: z.int() }) });
const gone = z.object({ action: z.enum(["closed", "deleted", "transferred"]), issue });
const pullChanged = z.object({
  action: z.enum(["opened", "synchronize", "closed", "reopened", "edited"]),
  changes: z.object({ base: z.unknown() }).partial().optional(),
  pull_request: z.object({
    ...{ id: z.int(), updated_at: time },
    head: z.object({ ref: z.string(), sha: z.string().optional() }),
  }),
});
/** Older senders give installation times as seconds. */
const installation = z.object({
  action,
  installation: z.object({ id: z.int(), updated_at: z.union([z.string(), z.int()]) }),
});

const askingActions = new Map<string, readonly string[] | "all">([
  ["issue_comment", ["created", "edited"]],
  ["pull_request_review", ["submitted", "dismissed"]],
  ["pull_request_review_comment", ["created"]],
  ["issues", ["labeled", "assigned", "closed", "deleted", "transferred"]],
  ["pull_request", ["opened", "synchronize", "closed", "reopened", "edited"]],
  ["check_suite", ["completed"]],
  ["status", "all"],
  ["installation", "all"],
  ["installation_repositories", "all"],
  ["repository", ["renamed", "transferred", "deleted", "publicized", "privatized"]],
]);

/** Whether a delivery of this name can ask anything of us at all; what it does ask, only its body tells. */
export function mayAsk(event: string, action: string | null): boolean {
  const actions = askingActions.get(event);
  if (actions === undefined) return false;
  return actions === "all" || (action !== null && actions.includes(action));
}

/**
 * What, if anything, the delivery asks for. Throws a ZodError when a body of a kind we act on lacks what it must
 * have. News of repositories and permissions has no key: GitHub does not move `updated_at` for it, so
 * the second of two equal changes would pass for a replay of the first, while acting on a replay changes nothing.
 */
export function readRequest(kind: DeliveryKind | null, body: Body): DeliveryRequest | null {
  if (kind === null || !mayAsk(kind, typeof body.action === "string" ? body.action : null)) return null;
  switch (kind) {
    case "issue_comment":
      return body.action === "edited" ? readEdit(body) : readComment(commentCreated.parse(body));
    case "pull_request_review":
      return body.action === "dismissed" ? readDismissal(body) : readReview(reviewSubmitted.parse(body));
    case "pull_request_review_comment":
      return readReviewComment(reviewCommentCreated.parse(body));
    case "issues":
      return readIssue(body);
    case "pull_request":
      return readPullChanged(pullChanged.parse(body));
    case "check_suite":
    case "status":
      return readCheckResult(kind, body);
    case "installation": {
      const { action, installation: it } = installation.parse(body);
      const key = `installation:${it.id}:${action}:${it.updated_at}`;
      return { businessKey: action === "new_permissions_accepted" ? null : key, at: null };
    }
    case "installation_repositories":
    case "repository":
      return { businessKey: null, at: null };
    default:
      return null;
  }
}

/** On a pull request that a bot opened, perhaps ours, a comment needs to name nobody; its author's own are only its news. */
function readComment({ issue, comment }: z.infer<typeof commentCreated>): DeliveryRequest | null {
  const onBotsPull = isOnPull(issue) && issue?.user?.type === "Bot" && comment.user?.id !== issue.user.id;
  if (!onBotsPull && !mayHoldCommand(comment.body) && !quotesCommand(comment.body)) return null;
  return { businessKey: `comment:${comment.id}`, at: new Date(comment.created_at) };
}

const isOnPull = (issue: { pull_request?: unknown } | undefined): boolean =>
  issue?.pull_request !== undefined && issue.pull_request !== null;

/** Starts nothing, but whoever edits a command into a comment is told why, when they ask. */
function readEdit(body: Body): DeliveryRequest | null {
  const { comment } = commentEdited.parse(body);
  if (comment.user?.type === "Bot" || !mayHoldCommand(comment.body)) return null;
  return { businessKey: `edited:${comment.id}:${comment.updated_at ?? ""}`, at: null };
}

const isOurs = (ref: string): boolean => ref.startsWith("claude/");

/** On a branch of ours a review needs to name nobody. Our own reviews are news of what we did. */
function readReview({ review, pull_request: pull }: z.infer<typeof reviewSubmitted>): DeliveryRequest | null {
  const onOurs = isOurs(pull.head.ref) && review.user?.id !== pull.user?.id;
  if (!onOurs && !mayHoldCommand(review.body ?? "")) return null;
  return { businessKey: `review:${review.id}`, at: new Date(review.submitted_at) };
}

/** Its task may still wait. A review is dismissed once. */
function readDismissal(body: Body): DeliveryRequest {
  return { businessKey: `dismissed:${reviewDismissed.parse(body).review.id}`, at: null };
}

/** Without a command its review's own delivery is enough. */
function readReviewComment({ comment }: z.infer<typeof reviewCommentCreated>): DeliveryRequest | null {
  if (!mayHoldCommand(comment.body)) return null;
  return { businessKey: `review-comment:${comment.id}`, at: new Date(comment.created_at) };
}

/** Which label starts work is said by the repository's settings, so each one that is put on is looked at by a job. */
function readIssue(body: Body): DeliveryRequest | null {
  switch (body.action) {
    case "labeled": {
      const { issue, label } = labeled.parse(body);
      return {
        businessKey: `label:${issue.id}:${label.id}:${issue.updated_at}`,
        at: new Date(issue.updated_at),
      };
    }
    case "assigned": {
      const { issue, assignee } = assigned.parse(body);
      return {
        businessKey: `assign:${issue.id}:${assignee.id}:${issue.updated_at}`,
        at: new Date(issue.updated_at),
      };
    }
    case "closed":
    case "deleted":
    case "transferred": {
      const { action, issue } = gone.parse(body);
      return { businessKey: `issue:${issue.id}:${action}:${issue.updated_at}`, at: null };
    }
    default:
      return null;
  }
}

/**
 * Any pull request may change our settings file, and a task may be at work where one ends. Of edits only that of the base
 * concerns us, where the pull request is ours. Two pushes may fall into one second of GitHub's time.
 */
function readPullChanged({
  action,
  changes,
  pull_request: pull,
}: z.infer<typeof pullChanged>): DeliveryRequest | null {
  if (action === "edited" && (changes?.base === undefined || !isOurs(pull.head.ref))) return null;
  const pushed = action === "synchronize" ? `:${pull.head.sha ?? ""}` : "";
  return { businessKey: `pull:${pull.id}:${action}:${pull.updated_at}${pushed}`, at: null };
}
