import { accountOf } from "./call.ts";
import type { RepositoryCall } from "./call.ts";
import { HttpError, invalid } from "./http-error.ts";
import { atLeast, roleOf } from "./roles.ts";
import type { Issue, Role } from "./state.ts";
import type { World } from "./world.ts";

// GitHub refuses longer texts with this number in its message.
const maxBodyCharacters = 65_536;
const maxTitleCharacters = 256;

/** Throws 422 for a text longer than GitHub takes, or blank where one is needed. */
export function checkBody(resource: string, body: string | null | undefined, needed: boolean): void {
  if (needed && (body ?? "").trim() === "") {
    throw invalid(resource, { code: "missing_field", field: "body", message: "body can't be blank" });
  }
  if (characters(body ?? "") > maxBodyCharacters) {
    const message = `body is too long (maximum is ${maxBodyCharacters} characters)`;
    throw invalid(resource, { code: "unprocessable", field: "body", message });
  }
}

function characters(text: string): number {
  return Array.from(text).length;
}

export function checkTitle(resource: string, title: string): void {
  if (title.trim() === "") throw invalid(resource, { code: "missing_field", field: "title" });
  if (characters(title) > maxTitleCharacters) {
    const message = `title is too long (maximum is ${maxTitleCharacters} characters)`;
    throw invalid(resource, { code: "custom", field: "title", message });
  }
}

/** Whether the caller may do what a person needs this role for; an installation's permission was checked before. */
export function mayActAs(world: World, call: RepositoryCall, role: Role): boolean {
  if (call.actor.kind === "installation") return true;
  return atLeast(roleOf(world, call.repository, accountOf(call.actor)), role);
}

/** Throws 403 unless the caller wrote it or has the role. */
export function requireAuthorOr(world: World, call: RepositoryCall, authorId: number, role: Role): void {
  if (accountOf(call.actor).id === authorId || mayActAs(world, call, role)) return;
  throw new HttpError(403, "Must have admin rights to Repository.");
}

/** Throws 403 in a locked conversation: nobody reacts there, whatever their role. */
export function checkReactable(issue: Issue): void {
  if (issue.locked) throw new HttpError(403, "Unable to create reaction because issue is locked.");
}

/** Throws 403 in a locked conversation, except for people with write access. */
export function checkUnlocked(world: World, call: RepositoryCall, issue: Issue): void {
  if (!issue.locked) return;
  if (call.actor.kind === "user" && mayActAs(world, call, "write")) return;
  throw new HttpError(403, "Unable to create comment because issue is locked.");
}
