import type { Deps } from "../deps.ts";
import { answerThread, findThreadAnswer } from "../github/answer-thread.ts";
import { GitHubRefusal } from "../github/github-error.ts";
import type { Attempt } from "./attempt.ts";
import type { FrozenReviewThread } from "./frozen-context.ts";
import { renderThreadAnswer } from "./review-answer-text.ts";
import { judgeThread, type Judged, type ReviewPush } from "./review-judge.ts";
import type { ThreadStates } from "./review-states.ts";
import { holderOf, runStep } from "./steps.ts";
import type { TurnThread } from "./turn-result.ts";

/** What became of a thread. settled: a person resolved it meanwhile · unreachable: deleted, or GitHub takes no answer there. */
export type ThreadAnswer =
  { kind: "said"; as: Judged["as"]; leg: number } | { kind: "settled" } | { kind: "unreachable" };

export type AnswerThreadsInput = {
  threads: readonly FrozenReviewThread[];
  words: readonly TurnThread[];
  push: ReviewPush;
  states: ThreadStates;
};

/** One answer for each thread, a step each; one that an earlier leg has answered is not answered again. */
export async function answerThreads(
  deps: Pick<Deps, "db" | "system" | "config" | "github" | "log">,
  attempt: Attempt,
  input: AnswerThreadsInput,
): Promise<Map<number, ThreadAnswer>> {
  const answers = new Map<number, ThreadAnswer>();
  const { botId } = await deps.github.identity(attempt.reader.octokit);
  for (const thread of input.threads) {
    attempt.watch.signal.throwIfAborted();
    answers.set(thread.commentId, await answerOne(deps, attempt, { ...input, thread, botId }));
  }
  return answers;
}

async function answerOne(
  deps: Pick<Deps, "db" | "system" | "log">,
  attempt: Attempt,
  input: AnswerThreadsInput & { thread: FrozenReviewThread; botId: number },
): Promise<ThreadAnswer> {
  const { claim, reader, watch } = attempt;
  const { task } = claim;
  const { pull } = task.context;
  const { thread, push, states } = input;
  const { commentId, path } = thread;
  if (pull === null) throw new Error(`task ${task.id} has a review without a pull request`);
  const place = {
    installationId: task.installationId,
    repository: attempt.repository,
    pullNumber: pull.number,
    commentId,
  };
  const word = input.words.find((each) => each.commentId === commentId);
  const judged = judgeThread(thread, word, push);
  const said: ThreadAnswer = { kind: "said", as: judged.as, leg: task.leg };
  return runStep<ThreadAnswer>(deps, holderOf(claim), {
    name: `answer:${commentId}`,
    find: async () => {
      const wanted = { ...place, taskId: task.id, botId: input.botId, since: task.createdAt };
      return (await findThreadAnswer(reader.octokit, wanted)) === null ? null : said;
    },
    act: async () => {
      if ((await states.now(commentId))?.resolved === true) return { kind: "settled" };
      const body = renderThreadAnswer({
        ...{ judged, push, path, commentId, taskId: task.id },
        pullUrl: pull.url,
      });
      try {
        const written = await answerThread(deps, reader.octokit, { ...place, body, signal: watch.signal });
        return written === null ? { kind: "unreachable" } : said;
      } catch (error) {
        // A locked conversation must not make a pushed task a failed one.
        if (!(error instanceof GitHubRefusal)) throw error;
        deps.log.warn({ err: error, taskId: task.id, commentId }, "a review thread takes no answer");
        return { kind: "unreachable" };
      }
    },
  });
}
