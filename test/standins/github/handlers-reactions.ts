import { accountOf, issueOf, numberOf, page } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { reactionFacts } from "./facts-issues.ts";
import { commentOf } from "./handlers-comments.ts";
import { HttpError, notFound } from "./http-error.ts";
import { text } from "./json.ts";
import { checkReactable } from "./limits.ts";
import { reviewCommentOf } from "./review-comments.ts";
import type { Issue, Reaction } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

type Subject = { reactions: Reaction[] };
type Find = (call: RepositoryCall) => Subject & { issue: Issue };

const onIssue: Find = (call) => {
  const issue = issueOf(call);
  return { issue, reactions: issue.reactions };
};
const onComment: Find = (call) => {
  const { issue, comment } = commentOf(call);
  return { issue, reactions: comment.reactions };
};
const onReviewComment: Find = (call) => {
  const { issue, comment } = reviewCommentOf(call);
  return { issue, reactions: comment.reactions };
};

/** Reactions to issues, comments and review comments. */
export const reactionHandlers: Record<string, RepositoryHandler> = {
  "reactions/create-for-issue": (world, call) => react(world, call, onIssue(call)),
  "reactions/list-for-issue": (world, call) => list(world, call, issueOf(call)),
  "reactions/delete-for-issue": (_world, call) => unreact(call, issueOf(call)),
  "reactions/create-for-issue-comment": (world, call) => react(world, call, onComment(call)),
  "reactions/list-for-issue-comment": (world, call) => list(world, call, onComment(call)),
  "reactions/delete-for-issue-comment": (_world, call) => unreact(call, onComment(call)),
  "reactions/create-for-pull-request-review-comment": (world, call) =>
    react(world, call, onReviewComment(call)),
  "reactions/list-for-pull-request-review-comment": (world, call) => list(world, call, onReviewComment(call)),
  "reactions/delete-for-pull-request-comment": (_world, call) => unreact(call, onReviewComment(call)),
};

function react(world: World, call: RepositoryCall, subject: ReturnType<Find>): Answer {
  checkReactable(subject.issue);
  const userId = accountOf(call.actor).id;
  const content = text(call.body["content"]) ?? "";
  const existing = subject.reactions.find(
    (reaction) => reaction.userId === userId && reaction.content === content,
  );
  if (existing !== undefined) return { status: 200, facts: reactionFacts(world, existing), effect: false };
  const reaction: Reaction = { id: world.nextId("reaction"), userId, content, createdAt: stamp(world) };
  subject.reactions.push(reaction);
  return { status: 201, facts: reactionFacts(world, reaction) };
}

function list(world: World, call: RepositoryCall, subject: Subject): Answer {
  const content = text(call.query["content"]);
  const items = subject.reactions.filter((reaction) => content === undefined || reaction.content === content);
  return page(world, call, { items, facts: (reaction) => reactionFacts(world, reaction) });
}

function unreact(call: RepositoryCall, subject: Subject): Answer {
  const id = numberOf(call, "reaction_id");
  const reaction = subject.reactions.find((candidate) => candidate.id === id);
  if (reaction === undefined) throw notFound();
  if (reaction.userId !== accountOf(call.actor).id)
    throw new HttpError(403, "Must be the author of the reaction.");
  subject.reactions.splice(subject.reactions.indexOf(reaction), 1);
  return { status: 204 };
}
