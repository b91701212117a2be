import { GitHubRefusal } from "../github/github-error.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import type { Tenant } from "../tasks/tenant-store.ts";
import { sayOnce } from "./say-once.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

/** One attempt: what GitHub refuses for good it would refuse each time. */
export async function unlessRefused(
  deps: TriggerDeps,
  event: ThreadEvent,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof GitHubRefusal)) throw error;
    const { deliveryId, issueNumber } = event;
    deps.log.warn({ err: error, deliveryId, issueNumber }, "the thread takes no word of ours");
  }
}

type ReplyInput = { tenant: Tenant; client: RepositoryClient; event: ThreadEvent; botId: number };
type ReplyAs = { kind: "reply" | "refusal"; key: string };

/** Answers on the thread of an event, once per triggering object. */
export function createReply(deps: TriggerDeps, { tenant, client, event, botId }: ReplyInput) {
  return async (text: string, as: ReplyAs = { kind: "reply", key: replyKey(event) }): Promise<void> => {
    // A bot may take each reply for something to answer.
    if (as.kind === "reply" && event.sender.type !== "User") return;
    await unlessRefused(deps, event, () =>
      sayOnce(deps, client.octokit, {
        accountId: tenant.accountId,
        installationId: event.installation.id,
        repository: { owner: client.owner, name: client.name },
        repositoryId: event.repository.id,
        issueNumber: event.issueNumber,
        botId,
        // A refusal is given once per thread, so all of it is searched; a reply cannot be older than what it answers.
        since: as.kind === "refusal" ? new Date(0) : event.triggeredAt,
        text,
        ...as,
      }),
    );
  };
}

/** The ids of a pull request's inline comments are numbered apart from those of its conversation. */
function replyKey({ commentId, commentKind, deliveryId }: ThreadEvent): string {
  if (commentId === null) return deliveryId;
  return commentKind === "review-comment" ? `line:${commentId}` : String(commentId);
}
