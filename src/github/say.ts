import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { isMissing, refusalOf, toGitHubError } from "./github-error.ts";
import { mark } from "./mark.ts";
import type { WriteUrgency } from "./pace.ts";
import { pacedWrite } from "./paced-write.ts";
import type { RepositoryRef } from "./thread.ts";

export type Thread = { installationId: number; repository: RepositoryRef; issueNumber: number };

/** Our own comment that carries this mark, written since `since`; null when there is none. */
export async function findComment(
  octokit: Octokit,
  input: Thread & { kind: string; key: string; botId: number; since: Date },
): Promise<number | null> {
  return (await readOwnComment(octokit, input))?.id ?? null;
}

/** The same with its text. */
export async function readOwnComment(
  octokit: Octokit,
  input: Thread & { kind: string; key: string; botId: number; since: Date },
): Promise<{ id: number; body: string } | null> {
  const wanted = mark(input.kind, input.key);
  const options = octokit.rest.issues.listComments.endpoint.merge({
    owner: input.repository.owner,
    repo: input.repository.name,
    issue_number: input.issueNumber,
    since: input.since.toISOString(),
    per_page: 100,
  });
  try {
    const pages = octokit.paginate.iterator<{ id: number; body?: string; user: { id: number } | null }>(
      options,
    );
    for await (const { data } of pages) {
      const ours = data.find(
        ({ user, body }) => user?.id === input.botId && body?.trimEnd().endsWith(wanted) === true,
      );
      if (ours !== undefined) return { id: ours.id, body: ours.body ?? "" };
    }
    return null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw toGitHubError(error, "looking for our comment");
  }
}

/** Writes a comment; the caller has looked whether it is there already. Answers its id; GitHubRefusal when the issue is gone. */
export async function createComment(
  deps: { system: Db },
  octokit: Octokit,
  input: Thread & { body: string; urgency: WriteUrgency },
): Promise<number> {
  const written = await pacedWrite(deps, {
    ...input,
    doing: "writing a comment",
    write: () =>
      octokit.rest.issues.createComment({
        owner: input.repository.owner,
        repo: input.repository.name,
        issue_number: input.issueNumber,
        body: input.body,
      }),
  });
  if (written === null) throw refusalOf(404, "writing a comment");
  return written.data.id;
}

/** Replaces the text of our comment; false when somebody has deleted it. */
export async function editComment(
  deps: { system: Db },
  octokit: Octokit,
  input: Omit<Thread, "issueNumber"> & { commentId: number; body: string; signal?: AbortSignal },
): Promise<boolean> {
  const written = await pacedWrite(deps, {
    ...input,
    urgency: "edit",
    doing: "editing our comment",
    write: () =>
      octokit.rest.issues.updateComment({
        owner: input.repository.owner,
        repo: input.repository.name,
        comment_id: input.commentId,
        body: input.body,
      }),
  });
  return written !== null;
}
