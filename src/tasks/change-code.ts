import type { Deps } from "../deps.ts";
import type { PublicMarkdown } from "../github/inline-text.ts";
import { approvesHeld } from "./approves-held.ts";
import { askPerson } from "./ask-person.ts";
import type { Attempt } from "./attempt.ts";
import { describeWork } from "./describe-work.ts";
import { askAboutHeld } from "./held-question.ts";
import { publishHeld } from "./publish-held.ts";
import { keepLeftBehind, readLeftBehind } from "./left-behind.ts";
import { workOf } from "./make-receipt.ts";
import { publishOnTop } from "./publish-on-top.ts";
import type { Published } from "./publish.ts";
import { refreshPull } from "./refresh-pull.ts";
import type { ReviewPush } from "./review-judge.ts";
import { answerReview } from "./review-loop.ts";
import { findOpenQuestions } from "./review-questions.ts";
import { renderReviewReport } from "./review-report.ts";
import { takeTurn } from "./take-turn.ts";
import type { TaskEnd, TaskPause } from "./task-end.ts";
import { readTurnResult } from "./turn-result.ts";
import { toUnfinishedEnd } from "./unfinished-end.ts";

/**
 * The agent changes the code; what it changed is pushed and stands in a pull request, and the threads of a review are
 * answered. What only people can decide is asked after that: the answer begins the next leg.
 */
export async function changeCode(deps: Deps, attempt: Attempt): Promise<TaskEnd | TaskPause> {
  const { claim, watch, status, timeoutMs } = attempt;
  const { task } = claim;
  if (approvesHeld(task.answer)) return publishHeld(deps, attempt);
  const { run, checkpoint, checks } = await takeTurn(deps, attempt);
  if (run.outcome.kind !== "finished")
    return { ...toUnfinishedEnd(run, { task, timeoutMs }), work: workOf(run) };
  // The turn is kept; whoever stopped the task does not want it published.
  if (watch.reason() === "cancelled") watch.signal.throwIfAborted();
  status.update({ phase: "publishing" });
  const turn = readTurnResult(deps, run);
  const onTop = await publishOnTop(deps, attempt, { run, checkpoint, checks, result: turn });
  await refreshPull(deps, attempt, onTop);
  const before = await readLeftBehind(deps, claim);
  const open = findOpenQuestions(turn, task.context, new Set(before.asked));
  const report = await answerReview(deps, attempt, {
    turn,
    push: toPush(onTop.published),
    asked: open?.threadIds ?? new Set(),
  });
  const line = report === null ? null : renderReviewReport(report);
  const end = describeWork(deps, {
    run,
    checks,
    published: onTop.published,
    before: before.published,
    task,
    line,
    turn,
  });
  const held = askAboutHeld(deps, onTop.published);
  if (open === null && held === null) return end;
  const isPublished = end.outcome.kind === "published";
  await keepLeftBehind(deps, claim, {
    published: isPublished ? end : null,
    asked: [...before.asked, ...(open?.keys ?? [])],
  });
  if (open === null) {
    const sha = end.outcome.kind === "published" ? end.outcome.sha : null;
    const text = joined([line, soFar(end), held]);
    return askPerson(deps, { kind: "protected-paths", text, sha, run, work: end.work });
  }
  const text = joined([line, soFar(end), open.text]);
  return askPerson(deps, { kind: "questions", text, sha: null, run, work: end.work });
}

function toPush(published: Published): ReviewPush {
  if (published.kind !== "published") return null;
  const { commit, remoteSha } = published;
  return { sha: commit.commitSha, remoteSha, paths: commit.files.map(({ path }) => path) };
}

/** What a person who is asked can look at already. */
function soFar({ outcome }: TaskEnd): PublicMarkdown {
  if (outcome.kind !== "published") return "Nothing was pushed so far." as PublicMarkdown;
  const where = outcome.pull === null ? `\`${outcome.branch}\`` : `#${outcome.pull.number}`;
  return `What does not depend on it is done and in ${where}, at \`${outcome.sha.slice(0, 12)}\`.` as PublicMarkdown;
}

function joined(parts: readonly (PublicMarkdown | null)[]): PublicMarkdown {
  return parts.filter((part) => part !== null).join("\n\n") as PublicMarkdown;
}
