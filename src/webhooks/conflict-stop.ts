import { GitHubRefusal } from "../github/github-error.ts";
import { toInlineCode } from "../github/inline-text.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import type { PullFacts } from "../github/read-pull.ts";
import type { Session } from "../sessions/session-store.ts";
import { maxTurnsWithoutPerson } from "./bot-limit.ts";
import { sayOnce } from "./say-once.ts";
import type { TriggerDeps } from "./trigger.ts";

/** Says once, until a person asks for something, that the branch is not rebased any more unasked. */
export async function sayConflictStop(
  deps: TriggerDeps,
  input: {
    session: Session;
    installationId: number;
    client: RepositoryClient;
    pull: PullFacts;
    /** The last task that a person asked for. */
    sinceTaskId: string;
  },
): Promise<string> {
  const { session, installationId, client, pull, sinceTaskId } = input;
  const { botId } = await deps.github.identity(client.octokit);
  try {
    await sayOnce(deps, client.octokit, {
      ...{ accountId: session.accountId, repositoryId: session.repositoryId, issueNumber: pull.number },
      ...{ installationId, repository: { owner: client.owner, name: client.name } },
      ...{ botId, since: session.createdAt, kind: "conflict-stop", key: `${session.id}:${sinceTaskId}` },
      text: renderConflictStop({ branch: session.branch, base: pull.base.ref }),
    });
  } catch (error) {
    // A locked thread takes no word of ours; there is nobody else to tell.
    if (!(error instanceof GitHubRefusal)) throw error;
    deps.log.warn({ err: error, sessionId: session.id }, "a note on a conflict could not be written");
  }
  return "stopped";
}

export function renderConflictStop({ branch, base }: { branch: string; base: string }): string {
  return [
    `${toInlineCode(branch)} conflicts with ${toInlineCode(base)}. The last ${maxTurnsWithoutPerson} tasks here were started without a person, so it was not rebased once more.`,
    "`/claude rebase` does it; whatever a person asks for here lets the repairs go on as well.",
  ].join("\n\n");
}
