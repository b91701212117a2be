import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { graphqlError } from "./graphql-error.ts";
import { GitHubRefusal } from "./github-error.ts";
import { pacedWrite } from "./paced-write.ts";

/** One request resolves this many; each takes GitHub a while. */
const atOnce = 20;

export type ResolveInput = { installationId: number; nodeIds: readonly string[]; signal: AbortSignal };

/**
 * Resolves review threads, which needs `contents: write`; answers those that GitHub says are resolved. Resolving one that is
 * resolved changes nothing. A batch that GitHub refuses (one thread of it is gone) is gone through one by one.
 */
export async function resolveThreads(
  deps: { system: Db },
  octokit: Octokit,
  input: ResolveInput,
): Promise<string[]> {
  const resolved: string[] = [];
  for (let from = 0; from < input.nodeIds.length; from += atOnce) {
    const batch = input.nodeIds.slice(from, from + atOnce);
    resolved.push(...(await resolveBatch(deps, octokit, { ...input, nodeIds: batch })));
  }
  return resolved;
}

async function resolveBatch(deps: { system: Db }, octokit: Octokit, input: ResolveInput): Promise<string[]> {
  const { nodeIds, installationId, signal } = input;
  const variables = Object.fromEntries(nodeIds.map((id, index) => [`t${index}`, id]));
  const names = Object.keys(variables);
  const mutation = `mutation (${names.map((name) => `$${name}: ID!`).join(", ")}) {
${names.map((name) => `  ${name}: resolveReviewThread(input: { threadId: $${name} }) { thread { id isResolved } }`).join("\n")}
}`;
  const doing = "resolving review threads";
  try {
    const said = await pacedWrite(deps, {
      ...{ installationId, signal, doing },
      urgency: "edit",
      write: () =>
        octokit.graphql<Record<string, { thread: { id: string; isResolved: boolean } | null } | null>>(
          mutation,
          variables,
        ),
    });
    return Object.values(said ?? {}).flatMap((one) =>
      one?.thread?.isResolved === true ? [one.thread.id] : [],
    );
  } catch (thrown) {
    const error = graphqlError(thrown, doing);
    if (!(error instanceof GitHubRefusal)) throw error;
    // Without the permission each of them would be refused as well.
    if (nodeIds.length === 1 || error.status === 403) return [];
    const singly: string[] = [];
    for (const nodeId of nodeIds)
      singly.push(...(await resolveBatch(deps, octokit, { ...input, nodeIds: [nodeId] })));
    return singly;
  }
}
