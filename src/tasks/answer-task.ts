import { withAccount } from "../../db/client.ts";
import type { TaskAnswer } from "../../db/schema.ts";
import type { Deps } from "../deps.ts";
import { lockWaitingTask, wakeTask } from "./answer-store.ts";
import { findPlace } from "./place-store.ts";
import type { Task } from "./task-store.ts";

export type AnswerInput = {
  accountId: string;
  sessionId: string;
  by: { id: number; login: string };
  approved: boolean;
  /** Their own words; "" for a bare approval. */
  text: string;
  /** What `/claude approve <sha>` named; null: nothing. */
  sha: string | null;
};

export type Answered =
  | { kind: "woken"; task: Task }
  | { kind: "nothing-asked" }
  /** Another commit than the one that the question is about was approved. */
  | { kind: "other-sha"; expected: string };

/** Answers the one open question of a session: its task goes back into the line with a job of its own. */
export async function answerTask(
  deps: Pick<Deps, "db" | "queue" | "clock">,
  input: AnswerInput,
): Promise<Answered> {
  const { accountId, sessionId, by, approved, text, sha } = input;
  return withAccount(deps.db, accountId, async (tx) => {
    const waiting = await lockWaitingTask(tx, sessionId);
    if (waiting?.question == null) return { kind: "nothing-asked" };
    const { question } = waiting;
    if (sha !== null && question.sha !== null && !question.sha.startsWith(sha))
      return { kind: "other-sha", expected: question.sha };
    const answer: TaskAnswer = {
      kind: question.kind,
      approved,
      text,
      by,
      at: deps.clock.now().toISOString(),
    };
    await wakeTask(tx, { taskId: waiting.id, answer });
    const { slots } = await findPlace(tx, { taskId: waiting.id, sessionId, accountId });
    await deps.queue.enqueue(
      tx,
      "run-task",
      { taskId: waiting.id, accountId },
      { key: sessionId, group: { id: accountId, limit: slots } },
    );
    return { kind: "woken", task: waiting };
  });
}
