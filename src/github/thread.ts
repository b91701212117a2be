import type { Octokit } from "@octokit/rest";
import { isMissing, toGitHubError } from "./github-error.ts";

export type RepositoryRef = { owner: string; name: string };

export type ThreadComment = {
  id: number;
  author: { id: number; login: string; type: string };
  body: string;
  createdAt: Date;
  updatedAt: Date;
};

/** More than this is no conversation but a log; the newest ones are read. */
const maxPages = 5;

/**
 * The comments of an issue that stood, unedited since, before the trigger. Source: REST list-comments;
 * times are GitHub's, to the second, so a comment in the trigger's own second is left out.
 */
export async function readThread(
  octokit: Octokit,
  input: { repository: RepositoryRef; issueNumber: number; before: Date },
): Promise<{ comments: ThreadComment[]; leftOut: number }> {
  const comments: ThreadComment[] = [];
  let leftOut = 0;
  for (let page = 1; page <= maxPages; page++) {
    const { data } = await octokit.rest.issues
      .listComments({
        owner: input.repository.owner,
        repo: input.repository.name,
        issue_number: input.issueNumber,
        per_page: 100,
        page,
      })
      .catch((error: unknown) => {
        throw toGitHubError(error, "reading the thread");
      });
    for (const item of data) {
      const createdAt = new Date(item.created_at);
      const updatedAt = new Date(item.updated_at);
      const settled = createdAt < input.before && updatedAt < input.before;
      if (!settled || item.user === null) {
        // Nobody misses what a bot said, our own status comments least of all.
        leftOut += createdAt < input.before && item.user?.type !== "Bot" ? 1 : 0;
        continue;
      }
      const { id, login, type } = item.user;
      comments.push({
        id: item.id,
        author: { id, login, type },
        body: item.body ?? "",
        createdAt,
        updatedAt,
      });
    }
    if (data.length < 100) break;
  }
  return { comments, leftOut };
}

/** What GitHub answers for a person's role; "unknown" for anything else, which callers must treat as a refusal. */
export type Role = "admin" | "write" | "read" | "none" | "unknown";

/**
 * Asks GitHub for the role of exactly this account. The route takes a login, so the numeric id in the answer
 * must be the one we asked about: a renamed account is somebody else.
 */
export async function readRole(
  octokit: Octokit,
  input: { repository: RepositoryRef; user: { id: number; login: string } },
): Promise<Role> {
  try {
    const { data } = await octokit.rest.repos.getCollaboratorPermissionLevel({
      owner: input.repository.owner,
      repo: input.repository.name,
      username: input.user.login,
    });
    if (data.user?.id !== input.user.id) return "unknown";
    const role = data.permission;
    return role === "admin" || role === "write" || role === "read" || role === "none" ? role : "unknown";
  } catch (error) {
    if (isMissing(error)) return "none";
    throw toGitHubError(error, "asking for a role");
  }
}

export const mayWrite = (role: Role): boolean => role === "admin" || role === "write";

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
