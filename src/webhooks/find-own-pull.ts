import { findSessionByPull, type Session } from "../sessions/session-store.ts";
import { findAccountOfInstallation } from "../tasks/tenant-store.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

/** The open session that made this pull request; null when it is none of ours. Asks GitHub nothing. */
export async function findOwnPull(
  deps: Pick<TriggerDeps, "db" | "system">,
  thread: Pick<ThreadEvent, "installation" | "repository" | "issueNumber">,
): Promise<Session | null> {
  const accountId = await findAccountOfInstallation(deps.system, thread.installation.id);
  if (accountId === null) return null;
  const session = await findSessionByPull(deps.db, {
    accountId,
    repositoryId: thread.repository.id,
    pullNumber: thread.issueNumber,
  });
  return session?.writes === "own-branch" ? session : null;
}
