import { pullFacts } from "./facts-pulls.ts";
import { commentFacts, issueFacts } from "./facts-issues.ts";
import type { JsonObject } from "./json.ts";
import type { Account, Comment, Issue, Repository } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

/** Tells the Apps that something happened to an issue or pull request (GitHub sends `issues` or `pull_request`). */
export async function emitThread(
  world: World,
  input: { repository: Repository; issue: Issue; action: string; sender: Account; facts?: JsonObject },
): Promise<void> {
  const { repository, issue, action, sender } = input;
  const subject =
    issue.pull === null
      ? { issue: issueFacts(world, repository, issue) }
      : { number: issue.number, pull_request: await pullFacts(world, repository, issue) };
  const event = issue.pull === null ? "issues" : "pull_request";
  world.emit({ event, action, repository, sender, facts: { ...subject, ...input.facts } });
}

/** Tells the Apps about a comment in a conversation. */
export function emitComment(
  world: World,
  input: {
    repository: Repository;
    issue: Issue;
    comment: Comment;
    action: string;
    sender: Account;
    facts?: JsonObject;
  },
): void {
  const { repository, issue, comment, action, sender } = input;
  world.emit({
    event: "issue_comment",
    action,
    repository,
    sender,
    facts: {
      issue: issueFacts(world, repository, issue),
      comment: commentFacts(world, repository, issue, comment),
      ...input.facts,
    },
  });
}

/** Marks a thread as changed now. */
export function touch(world: World, issue: Issue): void {
  issue.updatedAt = stamp(world);
}
