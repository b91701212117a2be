import { answerTask } from "../tasks/answer-task.ts";
import { sayQueued } from "../tasks/say-status.ts";
import { findThreadSession, type OrderOf } from "./command-order.ts";
import { replies } from "./replies.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `approve [sha]`: says yes to the one open question of the thread, whatever it is about. Only people can. */
export async function approve(deps: TriggerDeps, order: OrderOf<"approve">): Promise<void> {
  const { thread, admitted, command, source } = order;
  if (thread.sender.type !== "User") return admitted.reply(replies.onlyPeopleApprove());
  const session = await findThreadSession(deps, order);
  if (session === null) return admitted.reply(replies.nothingAsked());
  const answered = await answerTask(deps, {
    ...{ accountId: admitted.tenant.accountId, sessionId: session.id, key: source.businessKey },
    ...{ approved: true, text: command.instruction, sha: command.sha },
    by: { id: thread.sender.id, login: thread.sender.login },
    usualBudgetMicroUsd: deps.config.limits.budgetMicroUsd,
  });
  switch (answered.kind) {
    case "nothing-asked":
      return admitted.reply(replies.nothingAsked());
    case "other-sha":
      return admitted.reply(replies.otherSha(answered.expected));
    case "answered-before":
      return;
    case "woken":
      await sayQueued(deps, admitted.client, answered);
      return admitted.reply(replies.approved(answered.task.question?.kind ?? "questions"));
  }
}
