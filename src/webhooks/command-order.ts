import { findOpenSession, findSessionByPull, type Session } from "../sessions/session-store.ts";
import type { FreezeInput } from "../tasks/freeze-context.ts";
import type { ThreadRef } from "../tasks/thread-task-store.ts";
import type { Command } from "./command-verbs.ts";
import type { StartInput } from "./start-task.ts";
import type { Admitted, ThreadEvent, TriggerDeps } from "./trigger.ts";

/** A command of a person who may give it. */
export type Order = {
  thread: ThreadEvent;
  admitted: Admitted;
  command: Command;
  /** The issue or pull request as the payload has it. */
  issue: FreezeInput["issue"];
  /** How a task that the command makes is recorded. */
  source: Pick<StartInput, "businessKey" | "trigger" | "triggerCommentId">;
};

/** An order whose verb is known. */
export type OrderOf<V extends Command["verb"]> = Order & { command: Extract<Command, { verb: V }> };

/** The open session that a thread belongs to: of the issue, or of the pull request; null when there is none. */
export async function findThreadSession(
  deps: Pick<TriggerDeps, "db">,
  { thread, admitted }: Pick<Order, "thread" | "admitted">,
): Promise<Session | null> {
  const at = { accountId: admitted.tenant.accountId, repositoryId: thread.repository.id };
  return thread.onPullRequest
    ? findSessionByPull(deps.db, { ...at, pullNumber: thread.issueNumber })
    : findOpenSession(deps.db, { ...at, issueNumber: thread.issueNumber });
}

/** The thread as the tasks know it. */
export async function toThreadRef(
  deps: Pick<TriggerDeps, "db">,
  order: Pick<Order, "thread" | "admitted">,
): Promise<ThreadRef> {
  const session = await findThreadSession(deps, order);
  const { repository, issueNumber } = order.thread;
  return { repositoryId: repository.id, issueNumber, sessionId: session?.id ?? null };
}
