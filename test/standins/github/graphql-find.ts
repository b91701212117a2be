import { nodeId } from "./facts.ts";
import { maySee, requirePullsRead } from "./graphql-access.ts";
import type { GraphqlCall } from "./graphql-access.ts";
import { GraphqlRefusal } from "./graphql-error.ts";
import type { GraphqlNode } from "./graphql-field.ts";
import { pullNode, repositoryNode } from "./graphql-pulls.ts";
import { threadNode } from "./graphql-threads.ts";
import type { PlacedThread } from "./graphql-threads.ts";
import { threadsOf } from "./review-threads.ts";
import type { Issue, Repository } from "./state.ts";

type Found =
  | { kind: "repository"; repository: Repository }
  | { kind: "pull"; repository: Repository; issue: Issue }
  | ({ kind: "thread" } & PlacedThread);

/** What a node id names, as far as the caller may know of it; throws NOT_FOUND else. */
export function findNode(call: GraphqlCall, id: string): Found {
  for (const repository of call.world.repositories.values()) {
    const found = findIn(repository, id);
    if (found !== undefined && maySee(call, repository)) return found;
  }
  throw new GraphqlRefusal("NOT_FOUND", `Could not resolve to a node with the global id of '${id}'`);
}

function findIn(repository: Repository, id: string): Found | undefined {
  if (nodeId("R", repository.id) === id) return { kind: "repository", repository };
  for (const issue of repository.issues.values()) {
    if (issue.pull === null || issue.deleted) continue;
    if (nodeId("PR", issue.pull.id) === id) return { kind: "pull", repository, issue };
    if (!id.startsWith("PRRT_")) continue;
    const thread = threadsOf(issue.pull).find((candidate) => nodeId("PRRT", candidate.thread.id) === id);
    if (thread !== undefined) return { kind: "thread", repository, issue, ...thread };
  }
  return undefined;
}

/** What was found, as GraphQL shows it. */
export function nodeOf(call: GraphqlCall, found: Found): GraphqlNode {
  if (found.kind === "repository") return repositoryNode(call, found.repository);
  requirePullsRead(call, found.repository);
  const pull = (): GraphqlNode => pullNode(call, found.repository, found.issue);
  return found.kind === "pull" ? pull() : threadNode(call, found, pull);
}
