import { formatPlural } from "../github/amounts.ts";
import { threadMark } from "../github/answer-thread.ts";
import { toInlineCode } from "../github/inline-text.ts";
import type { Judged, ReviewPush } from "./review-judge.ts";

export type ReviewAnswerInput = {
  judged: Judged;
  push: ReviewPush;
  /** The file that the thread stands at. */
  path: string;
  pullUrl: string;
  taskId: string;
  commentId: number;
};

const maxPaths = 10;

/** The one answer on a review thread; its last line is the mark `thread:<task>:<comment>`. */
export function renderThreadAnswer(input: ReviewAnswerInput): string {
  const { judged, taskId, commentId } = input;
  const blocks = [...frame(input), threadMark(taskId, commentId)];
  if (judged.text !== null) blocks.splice(1, 0, judged.text);
  return blocks.join("\n\n");
}

/** What the server says before and after the agent's own words. */
function frame(input: ReviewAnswerInput): string[] {
  const { judged, push, path } = input;
  switch (judged.as) {
    case "handled":
      return [`✅ Handled in ${commitOf(input)}, read back from GitHub.${movedOn(push)}`];
    case "claimed":
      return [
        "☑️ Claude says that this is done:",
        push === null
          ? "Nothing was pushed in this round, so the thread stays open for you to judge."
          : `The pushed commit ${commitOf(input)} does not touch ${toInlineCode(path)}, so the thread stays open for you to judge. It changes ${listPaths(push.paths)}.`,
      ];
    case "answered":
      return [
        judged.text === null ? "↩️ Not changed; Claude gave no reason." : "↩️ Not changed, and why:",
        ...(push === null ? [] : [`What was changed in this round is in ${commitOf(input)}.`]),
      ];
    case "left":
      return [
        judged.text === null
          ? "⚠️ Not handled: Claude said nothing about this thread."
          : "⚠️ Not handled: Claude did not say whether this is done. Its words were:",
        push === null
          ? "Nothing was pushed in this round. Answer here to have the thread taken up again."
          : `What was changed in this round is in ${commitOf(input)}. Answer here to have the thread taken up again.`,
      ];
  }
}

function commitOf({ push, pullUrl }: ReviewAnswerInput): string {
  if (push === null) throw new Error("a commit is named that was not pushed");
  return `[\`${push.sha.slice(0, 12)}\`](<${pullUrl}/commits/${push.sha}>)`;
}

function movedOn(push: ReviewPush): string {
  return push === null || push.sha === push.remoteSha
    ? ""
    : ` The branch has moved on to \`${push.remoteSha.slice(0, 12)}\` since.`;
}

function listPaths(paths: readonly string[]): string {
  const shown = paths.slice(0, maxPaths).map((path) => toInlineCode(path));
  const more = paths.length - shown.length;
  return [...shown, ...(more > 0 ? [formatPlural(more, "more file")] : [])].join(", ");
}
