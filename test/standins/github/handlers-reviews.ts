import { accountOf, authorOf, numberOf, page, pullIssueOf } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { touch } from "./emit.ts";
import { pullChanges, pullOf, reviewCommentFacts, reviewFacts } from "./facts-pulls.ts";
import { HttpError, invalid, notFound } from "./http-error.ts";
import { inWords, isObject, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { checkBody, checkUnlocked, requireAuthorOr } from "./limits.ts";
import { reviewCommentOf } from "./review-comments.ts";
import { emitReview, emitReviewComment } from "./review-emit.ts";
import { reviewOf } from "./review-of.ts";
import { noPlace, placeOf } from "./review-place.ts";
import type { Place } from "./review-place.ts";
import type { Issue, Pull, Review, ReviewComment, ReviewState } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

/** Reviews and the inline comments of pull requests. */
export const reviewHandlers: Record<string, RepositoryHandler> = {
  "pulls/create-review": createReview,
  "pulls/get-review": (world, call) => {
    const { issue, review } = reviewOf(call);
    return { status: 200, facts: reviewFacts(world, call.repository, issue, review) };
  },
  "pulls/list-reviews": (world, call) => {
    const issue = pullIssueOf(call);
    const items = pullOf(issue).reviews;
    return page(world, call, {
      items,
      facts: (review) => reviewFacts(world, call.repository, issue, review),
    });
  },
  "pulls/list-review-comments": (world, call) => listComments(world, call, () => true),
  "pulls/list-comments-for-review": (world, call) => {
    const { review } = reviewOf(call);
    return listComments(world, call, ({ reviewId }) => reviewId === review.id);
  },
  "pulls/get-review-comment": (world, call) => {
    const { issue, comment } = reviewCommentOf(call);
    return { status: 200, facts: reviewCommentFacts(world, call.repository, issue, comment) };
  },
  "pulls/create-review-comment": createComment,
  "pulls/create-reply-for-review-comment": createReply,
  "pulls/update-review-comment": updateComment,
  "pulls/delete-review-comment": (world, call) => {
    const { issue, pull, comment } = reviewCommentOf(call);
    requireAuthorOr(world, call, comment.author.userId, "write");
    pull.comments = pull.comments.filter(({ id }) => id !== comment.id);
    emitReviewComment(world, call, { issue, comment, action: "deleted" });
    return { status: 204 };
  },
};

function listComments(
  world: World,
  call: RepositoryCall,
  wanted: (comment: ReviewComment) => boolean,
): Answer {
  const issue = pullIssueOf(call);
  const items = pullOf(issue).comments.filter(wanted);
  return page(world, call, {
    items,
    facts: (comment) => reviewCommentFacts(world, call.repository, issue, comment),
  });
}

const states: Record<string, ReviewState> = {
  APPROVE: "APPROVED",
  REQUEST_CHANGES: "CHANGES_REQUESTED",
  COMMENT: "COMMENTED",
};

async function createReview(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, body } = call;
  const issue = pullIssueOf(call);
  const pull = pullOf(issue);
  checkUnlocked(world, call, issue);
  const state = states[text(body["event"]) ?? ""];
  if (state === undefined) {
    throw invalid("PullRequestReview", {
      field: "event",
      message: "The stand-in has no pending reviews: give an event.",
    });
  }
  const inline = Array.isArray(body["comments"]) ? body["comments"].filter(isObject) : [];
  checkReview(call, issue, { state, hasComments: inline.length > 0 });
  const changes = await pullChanges(repository, pull);
  const places = inline.map((item) => placeOf(changes, item));
  const review = newReview(world, call, { pull, state, body: text(body["body"]) ?? "" });
  const comments = inline.map((item, index) => {
    checkBody("PullRequestReviewComment", text(item["body"]), true);
    return newComment(world, call, { pull, review, item, place: places[index] ?? noPlace });
  });
  emitReview(world, call, { issue, review });
  for (const comment of comments) emitReviewComment(world, call, { issue, comment, action: "created" });
  touch(world, issue);
  return { status: 200, facts: reviewFacts(world, repository, issue, review) };
}

function checkReview(
  call: RepositoryCall,
  issue: Issue,
  input: { state: ReviewState; hasComments: boolean },
): void {
  const { state } = input;
  const isOwn = accountOf(call.actor).id === issue.author.userId;
  if (isOwn && state === "APPROVED") throw new HttpError(422, "Can not approve your own pull request");
  if (isOwn && state === "CHANGES_REQUESTED") {
    throw new HttpError(422, "Can not request changes on your own pull request");
  }
  const body = text(call.body["body"]);
  checkBody("PullRequestReview", body, state !== "APPROVED" && !input.hasComments);
}

function newReview(
  world: World,
  call: RepositoryCall,
  input: { pull: Pull; state: ReviewState; body: string },
): Review {
  const { pull, state, body } = input;
  const review: Review = {
    id: world.nextId("review"),
    author: authorOf(call.actor),
    body,
    state,
    commitSha: text(call.body["commit_id"]) ?? pull.headSha,
    submittedAt: stamp(world),
  };
  pull.reviews.push(review);
  pull.reviewerIds.delete(review.author.userId);
  return review;
}

function newComment(
  world: World,
  call: RepositoryCall,
  input: { pull: Pull; review: Review; item: JsonObject; place: Place; inReplyTo?: number },
): ReviewComment {
  const { pull, review, item, place, inReplyTo = null } = input;
  const now = stamp(world);
  const id = world.nextId("reviewComment");
  const parent = pull.comments.find((candidate) => candidate.id === inReplyTo);
  const comment: ReviewComment = {
    id,
    reviewId: review.id,
    author: authorOf(call.actor),
    body: text(item["body"]) ?? "",
    reactions: [],
    createdAt: now,
    updatedAt: now,
    commitSha: review.commitSha,
    inReplyTo,
    path: place.path,
    line: place.line,
    startLine: place.startLine,
    side: place.side,
    startSide: place.startSide,
    diffHunk: place.diffHunk,
    originalLine: parent === undefined ? place.line : parent.originalLine,
    originalStartLine: parent === undefined ? place.startLine : parent.originalStartLine,
    originalCommitSha: parent?.originalCommitSha ?? review.commitSha,
    outdated: parent?.outdated ?? false,
    editedAt: null,
    thread: parent?.thread ?? { id, resolvedById: null },
  };
  pull.comments.push(comment);
  return comment;
}

async function createComment(world: World, call: RepositoryCall): Promise<Answer> {
  const issue = pullIssueOf(call);
  const pull = pullOf(issue);
  checkUnlocked(world, call, issue);
  checkBody("PullRequestReviewComment", text(call.body["body"]), true);
  const place = placeOf(await pullChanges(call.repository, pull), call.body);
  const review = newReview(world, call, { pull, state: "COMMENTED", body: "" });
  const comment = newComment(world, call, { pull, review, item: call.body, place });
  return finishComment(world, call, { issue, review, comment });
}

function createReply(world: World, call: RepositoryCall): Answer {
  const { issue, pull, comment: parent } = reviewCommentOf(call);
  if (issue.number !== numberOf(call, "pull_number")) throw notFound();
  checkUnlocked(world, call, issue);
  checkBody("PullRequestReviewComment", text(call.body["body"]), true);
  const review = newReview(world, call, { pull, state: "COMMENTED", body: "" });
  const inReplyTo = parent.inReplyTo ?? parent.id;
  const comment = newComment(world, call, { pull, review, item: call.body, place: parent, inReplyTo });
  return finishComment(world, call, { issue, review, comment });
}

function finishComment(
  world: World,
  call: RepositoryCall,
  input: { issue: Issue; review: Review; comment: ReviewComment },
): Answer {
  const { issue, review, comment } = input;
  touch(world, issue);
  emitReview(world, call, { issue, review });
  emitReviewComment(world, call, { issue, comment, action: "created" });
  const facts = reviewCommentFacts(world, call.repository, issue, comment);
  return { status: 201, facts, headers: { location: inWords(facts["url"]) } };
}

function updateComment(world: World, call: RepositoryCall): Answer {
  const { issue, comment } = reviewCommentOf(call);
  requireAuthorOr(world, call, comment.author.userId, "write");
  checkBody("PullRequestReviewComment", text(call.body["body"]), true);
  const from = comment.body;
  comment.body = text(call.body["body"]) ?? "";
  comment.updatedAt = stamp(world);
  comment.editedAt = comment.updatedAt;
  emitReviewComment(world, call, {
    issue,
    comment,
    action: "edited",
    facts: { changes: { body: { from } } },
  });
  return { status: 200, facts: reviewCommentFacts(world, call.repository, issue, comment) };
}
