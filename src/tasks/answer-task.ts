import { withAccount } from "../../db/client.ts";
import type { TaskAnswer } from "../../db/schema.ts";
import type { Deps } from "../deps.ts";
import { lockWaitingTask, noteAnswer, wakeTask, wasAnsweredBy } from "./answer-store.ts";
import { enqueueTask } from "./enqueue-task.ts";
import type { Place } from "./place-store.ts";
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
  /** Names the comment that answers, so that the same one again changes nothing. */
  key?: string;
};

export type Answered =
  | { kind: "woken"; task: Task; place: Place }
  | { kind: "nothing-asked" }
  /** By this very comment. */
  | { kind: "answered-before" }
  /** Another commit than the one that the question is about was approved. */
  | { kind: "other-sha"; expected: string };

/** Answers the one open question of a session: its task goes back into the line with a job of its own. */
export async function answerTask(
  deps: Pick<Deps, "db" | "queue" | "clock">,
  input: AnswerInput,
): Promise<Answered> {
  const { accountId, sessionId, by, approved, text, sha, key } = input;
  return withAccount(deps.db, accountId, async (tx) => {
    if (key !== undefined && (await wasAnsweredBy(tx, { sessionId, key })))
      return { kind: "answered-before" };
    const waiting = await lockWaitingTask(tx, sessionId);
    if (waiting === null || waiting.question === null) return { kind: "nothing-asked" };
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
    const task = await wakeTask(tx, { taskId: waiting.id, answer });
    if (key !== undefined) await noteAnswer(tx, { taskId: waiting.id, accountId, key });
    const place = await enqueueTask(deps, tx, { taskId: waiting.id, accountId, sessionId });
    return { kind: "woken", task, place };
  });
}
