import type { Account, Author, Level, Permissions, Repository, Role } from "./state.ts";
import { accountById, ownerOf } from "./world.ts";
import type { World } from "./world.ts";

const order: readonly Role[] = ["none", "read", "triage", "write", "maintain", "admin"];
const levels: readonly Level[] = ["read", "write", "admin"];

/** Whether a role includes another. */
export function atLeast(role: Role, wanted: Role): boolean {
  return order.indexOf(role) >= order.indexOf(wanted);
}

/** Whether permissions hold every entry of `wanted` at that level or above. */
export function covers(held: Permissions, wanted: Permissions): boolean {
  return Object.entries(wanted).every(([name, level]) => {
    const has = held[name];
    return has !== undefined && levels.indexOf(has) >= levels.indexOf(level);
  });
}

/** Adds permissions to a record, keeping the higher level. */
export function widen(record: Permissions, more: Permissions): void {
  for (const [name, level] of Object.entries(more))
    if (!covers(record, { [name]: level })) record[name] = level;
}

/** A person's role: as owner, by direct grant, as a member of the organisation, or as anybody on a public repository. */
export function roleOf(world: Pick<World, "accounts">, repository: Repository, user: Account): Role {
  if (user.id === repository.ownerId) return "admin";
  const standing = ownerOf(world, repository).members.get(user.id);
  if (standing === "owner") return "admin";
  const granted = repository.roles.get(user.id) ?? "none";
  const floor: Role = standing === "member" || !repository.isPrivate ? "read" : "none";
  return atLeast(granted, floor) ? granted : floor;
}

/** GitHub's old four words for a role. */
export function legacyPermission(role: Role): "admin" | "write" | "read" | "none" {
  if (role === "maintain") return "write";
  return role === "triage" ? "read" : role;
}

/** GitHub's `author_association`. */
export function associationOf(
  world: Pick<World, "accounts">,
  repository: Repository,
  author: Author,
): string {
  if (author.userId === repository.ownerId) return "OWNER";
  const owner = ownerOf(world, repository);
  if (owner.members.has(author.userId)) return "MEMBER";
  const granted = repository.roles.get(author.userId) ?? "none";
  if (granted !== "none") return "COLLABORATOR";
  return accountById(world, author.userId).type === "Bot" ? "CONTRIBUTOR" : "NONE";
}
