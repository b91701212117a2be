import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { isMissing, toGitHubError } from "./github-error.ts";
import { mark } from "./mark.ts";
import { pacedWrite } from "./paced-write.ts";
import type { RepositoryRef } from "./thread.ts";

export type ReviewThreadRef = {
  installationId: number;
  repository: RepositoryRef;
  pullNumber: number;
  /** The first comment of the thread. */
  commentId: number;
};

/** The mark of a task's one answer on a thread. */
export const threadMark = (taskId: string, commentId: number) => mark("thread", `${taskId}:${commentId}`);

/** Our own answer of this task on a thread, written since `since`; null when there is none. */
export async function findThreadAnswer(
  octokit: Octokit,
  input: ReviewThreadRef & { taskId: string; botId: number; since: Date },
): Promise<number | null> {
  const wanted = threadMark(input.taskId, input.commentId);
  const options = octokit.rest.pulls.listReviewComments.endpoint.merge({
    owner: input.repository.owner,
    repo: input.repository.name,
    pull_number: input.pullNumber,
    since: input.since.toISOString(),
    per_page: 100,
  });
  try {
    const pages = octokit.paginate.iterator<{ id: number; body: string; user: { id: number } | null }>(
      options,
    );
    for await (const { data } of pages) {
      const ours = data.find(({ user, body }) => user?.id === input.botId && body.trimEnd().endsWith(wanted));
      if (ours !== undefined) return ours.id;
    }
    return null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw toGitHubError(error, "looking for our answer on a review thread");
  }
}

/** Answers a thread; the caller has looked whether it is answered already. The id of the answer; null when the thread is gone. */
export async function answerThread(
  deps: { system: Db },
  octokit: Octokit,
  input: ReviewThreadRef & { body: string; signal: AbortSignal },
): Promise<number | null> {
  const written = await pacedWrite(deps, {
    installationId: input.installationId,
    urgency: "edit",
    doing: "answering a review thread",
    signal: input.signal,
    write: () =>
      octokit.rest.pulls.createReplyForReviewComment({
        owner: input.repository.owner,
        repo: input.repository.name,
        pull_number: input.pullNumber,
        comment_id: input.commentId,
        body: input.body,
      }),
  });
  return written === null ? null : written.data.id;
}
