import { answerTask } from "../tasks/answer-task.ts";
import { cancelTasks } from "../tasks/cancel-task.ts";
import { describeThread } from "../tasks/describe-thread.ts";
import type { FreezeInput } from "../tasks/freeze-context.ts";
import { findOpenSession, findSessionByPull, type Session } from "../sessions/session-store.ts";
import type { Command } from "./command-verbs.ts";
import { replies } from "./replies.ts";
import { startTask, type Admitted, type StartInput, type ThreadEvent, type TriggerDeps } from "./trigger.ts";

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

/** Does what a command says: starts a task, or answers at once. */
export async function obeyCommand(deps: TriggerDeps, order: Order): Promise<void> {
  const { thread, admitted, command } = order;
  switch (command.verb) {
    case "implement":
    case "ask":
    case "plan":
      return startTask(deps, thread, admitted, {
        ...order.source,
        verb: command.verb,
        instruction: command.instruction,
        options: command.options,
        issue: order.issue,
      });
    case "undo":
      return startTask(deps, thread, admitted, {
        ...order.source,
        ...{ verb: command.verb, instruction: "", issue: order.issue },
        options: { undoTurns: command.turns },
      });
    case "approve":
      return approve(deps, order, { sha: command.sha, text: command.instruction });
    case "stop":
      return stop(deps, order);
    case "status":
      return admitted.reply(
        await describeThread(deps, {
          accountId: admitted.tenant.accountId,
          repositoryId: thread.repository.id,
          issueNumber: thread.issueNumber,
        }),
      );
    case "help":
      return admitted.reply(replies.help());
    default:
      return admitted.reply(replies.notBuilt(command.verb));
  }
}

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

async function approve(
  deps: TriggerDeps,
  order: Order,
  { sha, text }: { sha: string | null; text: string },
): Promise<void> {
  const { thread, admitted } = order;
  const session = await findThreadSession(deps, order);
  const answered =
    session === null
      ? { kind: "nothing-asked" as const }
      : await answerTask(deps, {
          ...{ accountId: admitted.tenant.accountId, sessionId: session.id, approved: true, text, sha },
          by: { id: thread.sender.id, login: thread.sender.login },
        });
  if (answered.kind === "nothing-asked") await admitted.reply(replies.nothingAsked());
  if (answered.kind === "other-sha") await admitted.reply(replies.otherSha(answered.expected));
}

async function stop(deps: TriggerDeps, order: Order): Promise<void> {
  const { thread, admitted } = order;
  const { accountId } = admitted.tenant;
  const session = await findThreadSession(deps, order);
  const { stopping, ended } =
    session === null
      ? { stopping: [], ended: [] }
      : await cancelTasks(deps, { accountId, scope: { sessionId: session.id }, by: thread.sender.login });
  // The status comments say the rest; only a stop that met nothing needs words of its own.
  if (stopping.length + ended.length === 0) await admitted.reply(replies.stopped(0, 0));
}
