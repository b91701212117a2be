import { issueWebUrl } from "./facts-issues.ts";
import { nodeId } from "./facts.ts";
import type { GraphqlCall } from "./graphql-access.ts";
import { accountNode } from "./graphql-accounts.ts";
import { connection } from "./graphql-connection.ts";
import { field } from "./graphql-field.ts";
import type { GraphqlNode } from "./graphql-field.ts";
import { pullOf } from "./facts-pulls.ts";
import type { ThreadWithComments } from "./review-threads.ts";
import type { Issue, Repository, ReviewComment } from "./state.ts";
import { must } from "./world.ts";
import type { World } from "./world.ts";

export type PlacedThread = ThreadWithComments & { repository: Repository; issue: Issue };

/** A review thread as GraphQL shows it; `pull` gives the pull request it belongs to. */
export function threadNode(call: GraphqlCall, placed: PlacedThread, pull: () => GraphqlNode): GraphqlNode {
  const { world } = call;
  const { thread, comments, repository, issue } = placed;
  const top = must(comments[0], `comment in review thread ${thread.id}`);
  const { resolvedById } = thread;
  return {
    __typename: "PullRequestReviewThread",
    id: nodeId("PRRT", thread.id),
    isResolved: resolvedById !== null,
    isCollapsed: resolvedById !== null || top.outdated,
    isOutdated: top.outdated,
    path: top.path,
    line: top.line,
    originalLine: top.originalLine,
    startLine: top.startLine,
    originalStartLine: top.originalStartLine,
    diffSide: top.side,
    startDiffSide: top.originalStartLine === null ? null : top.startSide,
    subjectType: subjectType(top),
    resolvedBy: resolvedById === null ? null : field(() => resolver(accountNode(world, resolvedById))),
    pullRequest: field(pull),
    repository: field(() => pull()["repository"]),
    comments: connection("PullRequestReviewCommentConnection", {
      items: () => comments,
      id: ({ id }) => id,
      node: (comment) => commentNode(world, { repository, issue, comment }),
    }),
  };
}

// `resolvedBy` is a User by the schema, an App's bot too.
function resolver(account: GraphqlNode): GraphqlNode {
  return { ...account, __typename: "User" };
}

function subjectType(comment: ReviewComment): string {
  return comment.originalLine === null ? "FILE" : "LINE";
}

function commentNode(
  world: World,
  input: { repository: Repository; issue: Issue; comment: ReviewComment },
): GraphqlNode {
  const { repository, issue, comment } = input;
  return {
    __typename: "PullRequestReviewComment",
    id: nodeId("PRRC", comment.id),
    databaseId: comment.id,
    fullDatabaseId: String(comment.id),
    author: field(() => accountNode(world, comment.author.userId)),
    body: comment.body,
    createdAt: comment.createdAt,
    updatedAt: comment.updatedAt,
    lastEditedAt: comment.editedAt,
    diffHunk: comment.diffHunk,
    path: comment.path,
    line: comment.line,
    originalLine: comment.originalLine,
    startLine: comment.startLine,
    originalStartLine: comment.originalStartLine,
    subjectType: subjectType(comment),
    url: `${issueWebUrl(world, repository, issue)}#discussion_r${comment.id}`,
    outdated: comment.outdated,
    isMinimized: false,
    replyTo:
      comment.inReplyTo === null
        ? null
        : field(() => {
            const top = pullOf(issue).comments.find(({ id }) => id === comment.inReplyTo);
            return top === undefined ? null : commentNode(world, { repository, issue, comment: top });
          }),
    pullRequestReview: field(() => {
      const review = pullOf(issue).reviews.find(({ id }) => id === comment.reviewId);
      if (review === undefined) return null;
      return {
        __typename: "PullRequestReview",
        id: nodeId("PRR", review.id),
        databaseId: review.id,
        state: review.state,
        body: review.body,
      };
    }),
  };
}
