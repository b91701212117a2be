import { z } from "zod";
import type { World } from "../support/world.ts";

/** A review thread as a person sees it. */
export type SeenThread = {
  nodeId: string;
  commentId: number;
  resolved: boolean;
  /** What the bot has said in it. */
  answers: string[];
};

const said = z.object({
  data: z.object({
    repository: z.object({
      pullRequest: z.object({
        reviewThreads: z.object({
          nodes: z.array(
            z.object({
              id: z.string(),
              isResolved: z.boolean(),
              comments: z.object({ nodes: z.array(z.object({ databaseId: z.int() })) }),
            }),
          ),
        }),
      }),
    }),
  }),
});

/** The first hundred threads of a pull request, oldest first. */
export async function seeReview(world: World, pullNumber: number): Promise<SeenThread[]> {
  const [owner = "", name = ""] = world.repository.split("/");
  const query = `query ($owner: String!, $name: String!, $number: Int!) {
    repository(owner: $owner, name: $name) { pullRequest(number: $number) { reviewThreads(first: 100) {
      nodes { id isResolved comments(first: 1) { nodes { databaseId } } }
    } } }
  }`;
  const { data } = said.parse(await askGraphql(world, "alice", query, { owner, name, number: pullNumber }));
  const pull = (await world.github.pullRequests(world.repository)).find(
    ({ number }) => number === pullNumber,
  );
  return data.repository.pullRequest.reviewThreads.nodes.map(({ id, isResolved, comments }) => {
    const commentId = comments.nodes[0]?.databaseId ?? 0;
    const answers = (pull?.reviewComments ?? [])
      .filter(({ inReplyTo, author }) => inReplyTo === commentId && author === world.app.botLogin)
      .map(({ body }) => body);
    return { nodeId: id, commentId, resolved: isResolved, answers };
  });
}

/** A person's button "Resolve conversation". */
export async function resolveAs(world: World, login: string, nodeId: string): Promise<void> {
  const mutation = `mutation ($id: ID!) { resolveReviewThread(input: { threadId: $id }) { thread { isResolved } } }`;
  await askGraphql(world, login, mutation, { id: nodeId });
}

async function askGraphql(
  world: World,
  login: string,
  query: string,
  variables: Record<string, unknown>,
): Promise<unknown> {
  const response = await fetch(`${world.github.url}/api/graphql`, {
    method: "POST",
    headers: {
      authorization: `bearer ${world.github.as(login).token}`,
      "content-type": "application/json",
      "user-agent": "stand-in person",
      accept: "application/json",
    },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}
