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
    write: () =>
      commentId === null
        ? reactions.createForIssue({ ...names, issue_number: input.issueNumber, content })
        : reactions.createForIssueComment({ ...names, comment_id: commentId, content }),
  });
}
