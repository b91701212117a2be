import { withAccount } from "../../db/client.ts";
import type { Session } from "../sessions/session-store.ts";
import { answerTask } from "../tasks/answer-task.ts";
import { sayQueued } from "../tasks/say-status.ts";
import { steerTask } from "../tasks/steer-task.ts";
import { toVisibleText } from "../tasks/visible-text.ts";
import { insertFeedback } from "./feedback-store.ts";
import { admit, type Admitted, type ThreadEvent, type TriggerDeps } from "./trigger.ts";

/** A comment on a pull request of ours that commands nothing; its thread event is unaddressed. */
export type Remark = { session: Session; kind: "comment" | "review-comment"; id: number; body: string };

/**
 * What a writer says on a pull request of ours answers the task that waits for them, steers the one that runs, or is collected
 * for the next one.
 */
export async function hearRemark(deps: TriggerDeps, thread: ThreadEvent, remark: Remark): Promise<string> {
  const { text } = toVisibleText(remark.body);
  if (text.trim() === "") return "nothing-said";
  return admit(deps, thread, async (admitted) => {
    if (await answers(deps, { thread, admitted, remark, text })) return;
    const { accountId, id: sessionId } = remark.session;
    const { kind, id: commentId } = remark;
    const author = thread.sender.login;
    const steered = await steerTask(deps, {
      accountId,
      sessionId,
      comment: { kind, commentId, author, text },
    });
    if (steered === "no-running-task") await collect(deps, { thread, remark });
  });
}

async function answers(
  deps: TriggerDeps,
  input: { thread: ThreadEvent; admitted: Admitted; remark: Remark; text: string },
): Promise<boolean> {
  const { thread, admitted, remark, text } = input;
  // A question is for people: a listed bot's remark is feedback.
  if (thread.sender.type !== "User") return false;
  const answered = await answerTask(deps, {
    ...{ accountId: remark.session.accountId, sessionId: remark.session.id },
    ...{ approved: false, text, sha: null, key: `${remark.kind}:${remark.id}` },
    by: { id: thread.sender.id, login: thread.sender.login },
  });
  if (answered.kind === "woken") await sayQueued(deps, admitted.client, answered);
  return answered.kind !== "nothing-asked";
}

/** The comment and the job that looks whether it is quiet by then, in one transaction. */
async function collect(
  deps: TriggerDeps,
  { thread, remark }: { thread: ThreadEvent; remark: Remark },
): Promise<void> {
  const { accountId, id: sessionId } = remark.session;
  await withAccount(deps.db, accountId, async (tx) => {
    const isNew = await insertFeedback(tx, {
      ...{ accountId, sessionId, repositoryId: thread.repository.id, pullNumber: thread.issueNumber },
      ...{ kind: remark.kind, commentId: remark.id, deliveryId: thread.deliveryId, body: remark.body },
      ...{ authorId: thread.sender.id, authorLogin: thread.sender.login },
      commentedAt: thread.triggeredAt,
    });
    if (!isNew) return;
    const { quietMs } = deps.config.feedback;
    await deps.queue.enqueue(tx, "feedback", { accountId, sessionId }, { startAfterMs: quietMs });
  });
}
