import { accountOf, authorOf, issueOf, numberOf, page } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { emitComment, touch } from "./emit.ts";
import { commentFacts } from "./facts-issues.ts";
import { notFound } from "./http-error.ts";
import { inWords, text } from "./json.ts";
import { checkBody, checkUnlocked, requireAuthorOr } from "./limits.ts";
import type { Comment, Issue } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

/** Comments in the conversation of an issue or pull request. */
export const commentHandlers: Record<string, RepositoryHandler> = {
  "issues/list-comments": (world, call) => {
    const issue = issueOf(call);
    const since = text(call.query["since"]);
    const items = issue.comments.filter(({ updatedAt }) => since === undefined || updatedAt >= since);
    return page(world, call, {
      items,
      facts: (comment) => commentFacts(world, call.repository, issue, comment),
    });
  },
  "issues/list-comments-for-repo": listAll,
  "issues/get-comment": (world, call) => {
    const { issue, comment } = commentOf(call);
    return { status: 200, facts: commentFacts(world, call.repository, issue, comment) };
  },
  "issues/create-comment": createComment,
  "issues/update-comment": updateComment,
  "issues/delete-comment": (world, call) => {
    const { repository } = call;
    const { issue, comment } = commentOf(call);
    requireAuthorOr(world, call, comment.author.userId, "write");
    issue.comments = issue.comments.filter(({ id }) => id !== comment.id);
    touch(world, issue);
    emitComment(world, { repository, issue, comment, action: "deleted", sender: accountOf(call.actor) });
    return { status: 204 };
  },
};

/** The comment that the path names, with its issue. */
export function commentOf(call: RepositoryCall): { issue: Issue; comment: Comment } {
  const id = numberOf(call, "comment_id");
  for (const issue of call.repository.issues.values()) {
    const comment = issue.deleted ? undefined : issue.comments.find((candidate) => candidate.id === id);
    if (comment !== undefined) return { issue, comment };
  }
  throw notFound();
}

function createComment(world: World, call: RepositoryCall): Answer {
  const issue = issueOf(call);
  const { repository } = call;
  const body = text(call.body["body"]) ?? "";
  checkUnlocked(world, call, issue);
  checkBody("IssueComment", body, true);
  const now = stamp(world);
  const id = world.nextId("comment");
  const comment: Comment = {
    id,
    author: authorOf(call.actor),
    body,
    reactions: [],
    createdAt: now,
    updatedAt: now,
  };
  issue.comments.push(comment);
  touch(world, issue);
  emitComment(world, { repository, issue, comment, action: "created", sender: accountOf(call.actor) });
  const facts = commentFacts(world, repository, issue, comment);
  return { status: 201, facts, headers: { location: inWords(facts["url"]) } };
}

function updateComment(world: World, call: RepositoryCall): Answer {
  const { repository } = call;
  const { issue, comment } = commentOf(call);
  requireAuthorOr(world, call, comment.author.userId, "write");
  const body = text(call.body["body"]) ?? "";
  checkBody("IssueComment", body, true);
  const from = comment.body;
  comment.body = body;
  comment.updatedAt = stamp(world);
  touch(world, issue);
  const facts = { changes: { body: { from } } };
  emitComment(world, { repository, issue, comment, action: "edited", sender: accountOf(call.actor), facts });
  return { status: 200, facts: commentFacts(world, repository, issue, comment) };
}

function listAll(world: World, call: RepositoryCall): Answer {
  const since = text(call.query["since"]);
  const items = [...call.repository.issues.values()]
    .filter(({ deleted }) => !deleted)
    .flatMap((issue) => issue.comments.map((comment) => ({ issue, comment })))
    .filter(({ comment }) => since === undefined || comment.updatedAt >= since)
    .toSorted((a, b) => a.comment.id - b.comment.id);
  const facts = (item: (typeof items)[number]) =>
    commentFacts(world, call.repository, item.issue, item.comment);
  return page(world, call, { items, facts });
}
