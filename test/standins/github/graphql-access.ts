import { reaches } from "./access.ts";
import { accountOf } from "./call.ts";
import { GraphqlRefusal } from "./graphql-error.ts";
import { atLeast, covers, roleOf, widen } from "./roles.ts";
import type { Actor, Permissions, Repository } from "./state.ts";
import type { World } from "./world.ts";

/** One GraphQL request: who asks, of what. */
export type GraphqlCall = { world: World; actor: Actor };

/** Whether the caller may know of the repository. */
export function maySee({ world, actor }: GraphqlCall, repository: Repository): boolean {
  if (!repository.isPrivate) return true;
  if (actor.kind === "installation") return reaches(repository, actor);
  return atLeast(roleOf(world, repository, accountOf(actor)), "read");
}

/** Throws FORBIDDEN unless the caller may read pull requests here. */
export function requirePullsRead({ world, actor }: GraphqlCall, repository: Repository): void {
  if (actor.kind !== "installation") return;
  // What is public needs no permission where the App is not installed.
  if (!reaches(repository, actor) && !repository.isPrivate) return;
  requirePermissions(world, actor, { pull_requests: "read" });
}

/** Throws FORBIDDEN unless the caller may make this mutation on a pull request of that author. */
export function requireChange(
  { world, actor }: GraphqlCall,
  input: { repository: Repository; authorId: number; mutation: string },
): void {
  const { repository, authorId, mutation } = input;
  if (actor.kind === "installation") {
    if (!reaches(repository, actor)) throw forbidden();
    requirePermissions(world, actor, { contents: "write", pull_requests: "write" });
  } else {
    const account = accountOf(actor);
    const isAllowed = account.id === authorId || atLeast(roleOf(world, repository, account), "write");
    if (!isAllowed) {
      const name = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`;
      const message = `${account.login} does not have the correct permissions to execute \`${name}\``;
      throw new GraphqlRefusal("FORBIDDEN", message);
    }
  }
  if (repository.archived)
    throw new GraphqlRefusal("UNPROCESSABLE", "Repository was archived so is read-only.");
}

function requirePermissions(
  world: World,
  actor: Actor & { kind: "installation" },
  wanted: Permissions,
): void {
  if (!covers(actor.permissions, wanted)) throw forbidden();
  widen(world.permissionsUsed, wanted);
}

function forbidden(): GraphqlRefusal {
  return new GraphqlRefusal("FORBIDDEN", "Resource not accessible by integration");
}
