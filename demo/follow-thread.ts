import { setTimeout as delay } from "node:timers/promises";
import type { Stage } from "./stage.ts";
import type { Teller } from "./teller.ts";

type Timings = {
  eyesMs: number | null;
  statusMs: number | null;
  pullRequestMs: number | null;
  endMs: number | null;
};

const patienceMs = 10 * 60_000;

/** Prints the status comment whenever it changes, until the bot has reacted with its last word. */
export async function followThread(
  stage: Stage,
  tell: Teller,
  input: {
    issueNumber: number;
    commentId: number;
    askedAt: number;
    /** The bot's status comment among the thread's comments; the second is the first command's. */
    statusAt?: number;
  },
): Promise<Timings> {
  const { github, repository } = stage;
  const timings: Timings = { eyesMs: null, statusMs: null, pullRequestMs: null, endMs: null };
  const since = () => Math.round(performance.now() - input.askedAt);
  let last = "";
  while (timings.endMs === null && since() < patienceMs) {
    const reactions = github
      .reactions(repository, input.issueNumber, input.commentId)
      .map(({ content }) => content);
    if (timings.eyesMs === null && reactions.includes("eyes")) {
      timings.eyesMs = since();
      tell.step("the bot puts eyes on the comment");
    }
    const status = github.comments(repository, input.issueNumber)[input.statusAt ?? 1];
    if (status !== undefined && status.body !== last) {
      timings.statusMs ??= since();
      last = status.body;
      tell.step("the status comment now says:");
      tell.quote(status.author, status.body);
    }
    if (timings.pullRequestMs === null && (await github.pullRequests(repository)).length > 0)
      timings.pullRequestMs = since();
    if (reactions.includes("rocket") || reactions.includes("confused")) timings.endMs = since();
    else await delay(50);
  }
  return timings;
}
