import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { isMissing, toGitHubError } from "./github-error.ts";
import { waitForPace } from "./pace.ts";
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
  await waitForPace(deps, { installationId: input.installationId, urgency: "reaction" });
  const names = { owner: input.repository.owner, repo: input.repository.name };
  try {
    if (input.commentId === null) {
      await octokit.rest.reactions.createForIssue({
        ...names,
        issue_number: input.issueNumber,
        content: input.content,
      });
    } else {
      await octokit.rest.reactions.createForIssueComment({
        ...names,
        comment_id: input.commentId,
        content: input.content,
      });
    }
  } catch (error) {
    if (!isMissing(error)) throw toGitHubError(error, "adding a reaction");
  }
}
