import { accountOf } from "./call.ts";
import { emitThread, touch } from "./emit.ts";
import { pullOf } from "./facts-pulls.ts";
import { requireChange } from "./graphql-access.ts";
import type { GraphqlCall } from "./graphql-access.ts";
import { GraphqlRefusal } from "./graphql-error.ts";
import { field } from "./graphql-field.ts";
import type { Field } from "./graphql-field.ts";
import { findNode, nodeOf } from "./graphql-find.ts";
import { isObject, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { emitReviewThread } from "./review-emit.ts";
import { actorName } from "./rest.ts";
import { fullName, stamp } from "./world.ts";

/** The mutations that the stand-in makes. */
export function mutations(call: GraphqlCall): Record<string, Field> {
  return {
    resolveReviewThread: field((args) => settle(call, args, true), ["input"]),
    unresolveReviewThread: field((args) => settle(call, args, false), ["input"]),
    markPullRequestReadyForReview: field((args) => setDraft(call, args, false), ["input"]),
    convertPullRequestToDraft: field((args) => setDraft(call, args, true), ["input"]),
  };
}

function inputOf(args: JsonObject): JsonObject {
  return isObject(args["input"]) ? args["input"] : {};
}

function settle(call: GraphqlCall, args: JsonObject, resolve: boolean): unknown {
  const { world, actor } = call;
  const input = inputOf(args);
  const mutation = resolve ? "resolveReviewThread" : "unresolveReviewThread";
  const found = findNode(call, text(input["threadId"]) ?? "");
  if (found.kind !== "thread") {
    const message = `Could not resolve to PullRequestReviewThread node with the global id of '${text(input["threadId"]) ?? ""}'.`;
    throw new GraphqlRefusal("NOT_FOUND", message);
  }
  const { repository, issue, thread, comments } = found;
  requireChange(call, { repository, authorId: issue.author.userId, mutation });
  if ((thread.resolvedById !== null) !== resolve) {
    thread.resolvedById = resolve ? accountOf(actor).id : null;
    note(call, { mutation, repository: fullName(world, repository), number: issue.number, input });
    const action = resolve ? "resolved" : "unresolved";
    emitReviewThread(world, { repository, sender: accountOf(actor), issue, thread, comments, action });
  }
  return payload(input, resolve ? "ResolveReviewThreadPayload" : "UnresolveReviewThreadPayload", {
    thread: field(() => nodeOf(call, found)),
  });
}

async function setDraft(call: GraphqlCall, args: JsonObject, draft: boolean): Promise<unknown> {
  const { world, actor } = call;
  const input = inputOf(args);
  const mutation = draft ? "convertPullRequestToDraft" : "markPullRequestReadyForReview";
  const found = findNode(call, text(input["pullRequestId"]) ?? "");
  if (found.kind !== "pull") {
    const message = `Could not resolve to PullRequest node with the global id of '${text(input["pullRequestId"]) ?? ""}'.`;
    throw new GraphqlRefusal("NOT_FOUND", message);
  }
  const { repository, issue } = found;
  requireChange(call, { repository, authorId: issue.author.userId, mutation });
  const pull = pullOf(issue);
  if (issue.state !== "open") throw new GraphqlRefusal("UNPROCESSABLE", "Pull request is closed.");
  if (pull.draft === draft) {
    const state = draft ? "draft" : "ready for review";
    throw new GraphqlRefusal("UNPROCESSABLE", `Pull request is already "${state}".`);
  }
  pull.draft = draft;
  touch(world, issue);
  note(call, { mutation, repository: fullName(world, repository), number: issue.number, input });
  const action = draft ? "converted_to_draft" : "ready_for_review";
  await emitThread(world, { repository, issue, action, sender: accountOf(actor) });
  return payload(input, draft ? "ConvertPullRequestToDraftPayload" : "MarkPullRequestReadyForReviewPayload", {
    pullRequest: field(() => nodeOf(call, found)),
  });
}

function payload(input: JsonObject, type: string, members: Record<string, unknown>): unknown {
  return { __typename: type, clientMutationId: input["clientMutationId"] ?? null, ...members };
}

function note(
  { world, actor }: GraphqlCall,
  input: { mutation: string; repository: string; number: number; input: JsonObject },
): void {
  const [owner, repo] = input.repository.split("/");
  world.effects.push({
    operationId: `graphql/${input.mutation}`,
    actor: actorName(actor),
    params: { owner, repo, pull_number: input.number },
    body: input.input,
    at: stamp(world),
  });
}
