import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { pacedWrite } from "./paced-write.ts";
import type { RepositoryRef } from "./thread.ts";

export type ReactionTarget = {
  installationId: number;
  repository: RepositoryRef;
  issueNumber: number;
  /** Null: the issue itself. */
  commentId: number | null;
  /** Comments at a line of a pull request have ids and a route of their own; absent: a comment of the thread. */
  commentKind?: "comment" | "review-comment";
};

/** Adds a reaction; GitHub keeps one of a kind per account, so repeating is harmless. A deleted target is no failure. */
export async function react(
  deps: { system: Db },
  octokit: Octokit,
  input: ReactionTarget & { content: "eyes" | "rocket" | "confused" },
): Promise<void> {
  const { content, commentId } = input;
  const names = { owner: input.repository.owner, repo: input.repository.name };
  const { reactions } = octokit.rest;
  await pacedWrite(deps, {
    installationId: input.installationId,
    urgency: "reaction",
    doing: "adding a reaction",
    write: () => {
      if (commentId === null)
        return reactions.createForIssue({ ...names, issue_number: input.issueNumber, content });
      return input.commentKind === "review-comment"
        ? reactions.createForPullRequestReviewComment({ ...names, comment_id: commentId, content })
        : reactions.createForIssueComment({ ...names, comment_id: commentId, content });
    },
  });
}
