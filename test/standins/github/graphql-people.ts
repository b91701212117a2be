import { nodeId } from "./facts.ts";
import { isObject } from "./json.ts";
import { issueByNumber, must, repositoryNamed } from "./world.ts";
import type { World } from "./world.ts";

/** The button "Resolve conversation" of a person, by any comment of the thread; a refusal is thrown. */
export async function resolveThreadAs(
  world: World,
  token: string,
  input: { repo: string; number: number; commentId: number },
): Promise<void> {
  const pull = must(
    issueByNumber(repositoryNamed(world, input.repo), input.number)?.pull,
    `pull request ${input.number} in ${input.repo}`,
  );
  const comment = must(
    pull.comments.find(({ id }) => id === input.commentId),
    `review comment ${input.commentId} in ${input.repo}#${input.number}`,
  );
  const query = `mutation ($id: ID!) { resolveReviewThread(input: { threadId: $id }) { thread { isResolved } } }`;
  const response = await fetch(`${world.url}/api/graphql`, {
    method: "POST",
    headers: {
      authorization: `bearer ${token}`,
      "content-type": "application/json",
      "user-agent": "stand-in person",
    },
    body: JSON.stringify({ query, variables: { id: nodeId("PRRT", comment.thread.id) } }),
  });
  const said: unknown = await response.json();
  if (!response.ok || !isObject(said) || said["errors"] !== undefined)
    throw new Error(`Expected the thread to be resolved, got ${response.status}: ${JSON.stringify(said)}`);
}
