import { accountFacts } from "./facts.ts";
import type { GraphqlNode } from "./graphql-field.ts";
import { accountById } from "./world.ts";
import type { World } from "./world.ts";

/** An account as GraphQL shows it: a bot without the `[bot]` that REST adds. */
export function accountNode(world: World, id: number): GraphqlNode {
  const account = accountById(world, id);
  const facts = accountFacts(world, account);
  return {
    __typename: account.type,
    id: facts["node_id"],
    databaseId: account.id,
    login: account.login.replace(/\[bot\]$/, ""),
    url: facts["html_url"],
    avatarUrl: facts["avatar_url"],
  };
}
