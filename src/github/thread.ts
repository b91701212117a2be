import type { Octokit } from "@octokit/rest";
import { isMissing, toGitHubError } from "./github-error.ts";

export type RepositoryRef = { owner: string; name: string };

/** What GitHub answers for a person's role; "unknown" for anything else, which callers must treat as a refusal. */
export type Role = "admin" | "write" | "read" | "none" | "unknown";

/** `name`: GitHub's `role_name`, which tells maintain from write and is a custom role's own; null where it says none. */
export type Access = { role: Role; name: string | null };

/**
 * Asks GitHub for the role of exactly this account. The route takes a login, so the numeric id in the answer
 * must be the one we asked about: a renamed account is somebody else.
 */
export async function readAccess(
  octokit: Octokit,
  input: { repository: RepositoryRef; user: { id: number; login: string } },
): Promise<Access> {
  try {
    const { data } = await octokit.rest.repos.getCollaboratorPermissionLevel({
      owner: input.repository.owner,
      repo: input.repository.name,
      username: input.user.login,
    });
    if (data.user?.id !== input.user.id) return { role: "unknown", name: null };
    const { permission, role_name: name } = data;
    return {
      role: isRole(permission) ? permission : "unknown",
      name: typeof name === "string" ? name : null,
    };
  } catch (error) {
    if (isMissing(error)) return { role: "none", name: null };
    throw toGitHubError(error, "asking for a role");
  }
}

const isRole = (permission: string): permission is Exclude<Role, "unknown"> =>
  ["admin", "write", "read", "none"].includes(permission);

/** The same in GitHub's four coarse words, where who may write is all that matters. */
export async function readRole(...asked: Parameters<typeof readAccess>): Promise<Role> {
  return (await readAccess(...asked)).role;
}

export const mayWrite = (role: Role): boolean => role === "admin" || role === "write";

/**
 * Whether the role is one of those that a repository's settings leave over. GitHub's own word on who may write stays
 * the floor; a custom role that may write counts as write.
 */
export function hasRoleOf(
  { role, name }: Access,
  roles: readonly ("write" | "maintain" | "admin")[],
): boolean {
  if (!mayWrite(role)) return false;
  if (role === "admin") return roles.includes("admin");
  return roles.includes(name === "maintain" ? "maintain" : "write");
}

/** The branch to start from and its head: `wanted` or the repository's default branch; null when the repository is empty or has no such branch. */
export async function readBase(
  octokit: Octokit,
  input: { repository: RepositoryRef; wanted?: string },
): Promise<{ ref: string; sha: string } | null> {
  const names = { owner: input.repository.owner, repo: input.repository.name };
  try {
    const ref = input.wanted ?? (await octokit.rest.repos.get(names)).data.default_branch;
    const { data } = await octokit.rest.repos.getBranch({ ...names, branch: ref });
    return { ref, sha: data.commit.sha };
  } catch (error) {
    if (isMissing(error)) return null;
    throw toGitHubError(error, "reading the base branch");
  }
}
