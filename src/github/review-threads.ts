import type { Octokit } from "@octokit/rest";
import { z } from "zod";
import { graphqlError } from "./graphql-error.ts";
import type { RepositoryRef } from "./thread.ts";

/** A conversation at a line of a pull request, as it stands now. */
export type ReviewThreadState = {
  /** GraphQL's id, which resolving takes. */
  nodeId: string;
  /** Its first comment; null: that was deleted with its author's account. */
  commentId: number | null;
  resolved: boolean;
  /** The newest hundred comments, oldest first. */
  comments: { id: number; byBot: boolean }[];
};

const comment = z.object({
  databaseId: z.int().nullable(),
  author: z.object({ __typename: z.string() }).nullable(),
});
const answerSchema = z.object({
  repository: z
    .object({
      pullRequest: z
        .object({
          reviewThreads: z.object({
            pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
            nodes: z.array(
              z.object({
                id: z.string(),
                isResolved: z.boolean(),
                first: z.object({ nodes: z.array(z.object({ databaseId: z.int().nullable() })) }),
                newest: z.object({ nodes: z.array(comment) }),
              }),
            ),
          }),
        })
        .nullable(),
    })
    .nullable(),
});

const query = `query ($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 50, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          isResolved
          first: comments(first: 1) { nodes { databaseId } }
          newest: comments(last: 100) { nodes { databaseId author { __typename } } }
        }
      }
    }
  }
}`;

/** A pull request with more threads than this is no conversation any more; the rest is not resolved. */
const maxPages = 40;

/** All threads of a pull request as they stand now; none when it is gone. Source: GraphQL, because REST knows no threads. */
export async function readReviewThreads(
  octokit: Octokit,
  input: { repository: RepositoryRef; pullNumber: number },
): Promise<ReviewThreadState[]> {
  const threads: ReviewThreadState[] = [];
  let after: string | null = null;
  for (let page = 1; page <= maxPages; page++) {
    const said: unknown = await octokit
      .graphql(query, { ...input.repository, number: input.pullNumber, after })
      .catch((error: unknown) => {
        throw graphqlError(error, "reading the review's threads");
      });
    const found = answerSchema.parse(said).repository?.pullRequest?.reviewThreads;
    if (found === undefined) return threads;
    for (const node of found.nodes)
      threads.push({
        nodeId: node.id,
        commentId: node.first.nodes[0]?.databaseId ?? null,
        resolved: node.isResolved,
        comments: node.newest.nodes.flatMap(({ databaseId, author }) =>
          databaseId === null ? [] : [{ id: databaseId, byBot: author?.__typename === "Bot" }],
        ),
      });
    if (!found.pageInfo.hasNextPage) return threads;
    after = found.pageInfo.endCursor;
  }
  return threads;
}
