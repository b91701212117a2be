import { pullFacts, pullOf } from "./facts-pulls.ts";
import { issueWebUrl } from "./facts-issues.ts";
import { nodeId } from "./facts.ts";
import { requirePullsRead } from "./graphql-access.ts";
import type { GraphqlCall } from "./graphql-access.ts";
import { connection } from "./graphql-connection.ts";
import { GraphqlRefusal } from "./graphql-error.ts";
import { field } from "./graphql-field.ts";
import type { GraphqlNode } from "./graphql-field.ts";
import { threadNode } from "./graphql-threads.ts";
import { accountNode } from "./graphql-accounts.ts";
import { computeMergeability } from "./mergeability.ts";
import { threadsOf } from "./review-threads.ts";
import type { Issue, Repository } from "./state.ts";
import { fullName, issueByNumber } from "./world.ts";

/** A repository as GraphQL shows it. */
export function repositoryNode(call: GraphqlCall, repository: Repository): GraphqlNode {
  const { world } = call;
  const name = fullName(world, repository);
  return {
    __typename: "Repository",
    id: nodeId("R", repository.id),
    databaseId: repository.id,
    name: repository.name,
    nameWithOwner: name,
    url: `${world.url}/${name}`,
    isPrivate: repository.isPrivate,
    isArchived: repository.archived,
    owner: field(() => accountNode(world, repository.ownerId)),
    pullRequest: field(
      (args) => {
        requirePullsRead(call, repository);
        const number = Number(args["number"]);
        const issue = issueByNumber(repository, number);
        if (!issue?.pull) {
          const message = `Could not resolve to a PullRequest with the number of ${number}.`;
          throw new GraphqlRefusal("NOT_FOUND", message);
        }
        return pullNode(call, repository, issue);
      },
      ["number"],
    ),
  };
}

/** A pull request as GraphQL shows it. */
export function pullNode(call: GraphqlCall, repository: Repository, issue: Issue): GraphqlNode {
  const { world } = call;
  const pull = pullOf(issue);
  const isMerged = pull.mergedAt !== null;
  return {
    __typename: "PullRequest",
    id: nodeId("PR", pull.id),
    databaseId: pull.id,
    fullDatabaseId: String(pull.id),
    number: issue.number,
    title: issue.title,
    body: issue.body ?? "",
    url: issueWebUrl(world, repository, issue),
    state: isMerged ? "MERGED" : issue.state === "open" ? "OPEN" : "CLOSED",
    isDraft: pull.draft,
    merged: isMerged,
    closed: issue.state === "closed",
    locked: issue.locked,
    headRefName: pull.headRef,
    headRefOid: pull.headSha,
    baseRefName: pull.baseRef,
    baseRefOid: pull.baseSha,
    createdAt: issue.createdAt,
    updatedAt: issue.updatedAt,
    author: field(() => accountNode(world, issue.author.userId)),
    repository: field(() => repositoryNode(call, repository)),
    mergeable: field(async () => {
      const { mergeable } = await pullFacts(world, repository, issue);
      // Asking starts the working out, as with REST.
      if (issue.state === "open") await computeMergeability(repository, pull);
      return mergeable === true ? "MERGEABLE" : mergeable === false ? "CONFLICTING" : "UNKNOWN";
    }),
    reviewThreads: connection("PullRequestReviewThreadConnection", {
      items: () => threadsOf(pull),
      id: ({ thread }) => thread.id,
      node: (found) =>
        threadNode(call, { repository, issue, ...found }, () => pullNode(call, repository, issue)),
    }),
  };
}
