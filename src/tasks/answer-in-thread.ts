import type { Deps } from "../deps.ts";
import { answerThread, findThreadAnswer, threadMark } from "../github/answer-thread.ts";
import { GitHubRefusal } from "../github/github-error.ts";
import type { PublicMarkdown } from "../github/inline-text.ts";
import type { Attempt } from "./attempt.ts";
import { holderOf, runStep } from "./steps.ts";

/**
 * Puts the answer to a question where it was asked: as a reply in the review's first thread, to which its other threads, each
 * with one reply, point. Nothing where the question was asked in no thread. Each reply is a step.
 */
export async function answerInThread(
  deps: Pick<Deps, "db" | "system" | "github" | "log">,
  attempt: Attempt,
  text: PublicMarkdown | null,
): Promise<void> {
  const { claim, reader, watch, repository } = attempt;
  const { task } = claim;
  const { review, pull } = task.context;
  if (review === null || pull === null) return;
  const { botId } = await deps.github.identity(reader.octokit);
  const first = review.threads[0]?.commentId;
  for (const { commentId } of review.threads) {
    watch.signal.throwIfAborted();
    const said =
      commentId === first
        ? (text ?? "Claude has said nothing in answer to this.")
        : `Answered with the other questions of this review, [in its first thread](<${pull.url}#discussion_r${first}>).`;
    const place = {
      ...{ installationId: task.installationId, repository, pullNumber: pull.number, commentId },
      ...{ taskId: task.id, botId, since: task.createdAt },
    };
    await runStep<{ replyId: number | null }>(deps, holderOf(claim), {
      name: `answer:${commentId}`,
      find: async () => {
        const replyId = await findThreadAnswer(reader.octokit, place);
        return replyId === null ? null : { replyId };
      },
      act: async () => {
        const body = `${said}\n\n${threadMark(task.id, commentId)}`;
        try {
          const replyId = await answerThread(deps, reader.octokit, { ...place, body, signal: watch.signal });
          return { replyId };
        } catch (error) {
          // The status comment has the answer too: a locked conversation must not make this a failed task.
          if (!(error instanceof GitHubRefusal)) throw error;
          deps.log.warn({ err: error, taskId: task.id, commentId }, "a review thread takes no answer");
          return { replyId: null };
        }
      },
    });
  }
}
