import { formatPlural } from "../github/amounts.ts";
import type { FrozenContext, FrozenReview, FrozenReviewThread } from "./frozen-context.ts";
import { quote } from "./quote.ts";

/** The end of a hunk is where the remark stands; GitHub sends all that is above it. */
const maxHunkLines = 40;
const maxHunkChars = 6_000;

/** The review that the task is about, each person's words quoted under their name. */
export function renderReview(review: FrozenReview): string {
  const parts = [head(review)];
  for (const { author, at, body } of review.notes)
    parts.push(`${author} commented on the pull request at ${at}:\n\n${quote(body)}`);
  for (const thread of review.threads) parts.push(renderThread(thread));
  if (review.leftOut > 0)
    parts.push(`${review.leftOut} more threads or comments are not shown; they are not part of this task.`);
  return parts.join("\n\n");
}

function head({ id, state, author, body, threads, notes }: FrozenReview): string {
  const counted = `${formatPlural(threads.length, "review thread")} and ${formatPlural(notes.length, "comment")}`;
  const lead =
    id === null
      ? `The feedback to work off has ${counted}.`
      : `${author} submitted a review${state === null ? "" : ` (${state.replaceAll("_", " ")})`} with ${counted}.`;
  return body.trim() === "" ? lead : `${lead} ${author} writes:\n\n${quote(body)}`;
}

function renderThread(thread: FrozenReviewThread): string {
  const lines = [
    `Thread ${thread.commentId}: ${place(thread)}`,
    ...(thread.outdated
      ? [
          "This thread is outdated: the lines have changed since it was written. Look for what it means in the code as it is now.",
        ]
      : []),
    ...(thread.diffHunk === ""
      ? []
      : ["It stands at the end of this part of the diff:", quote(lastLines(thread.diffHunk))]),
    ...thread.remarks.map(({ author, at, body }) => `${author} wrote at ${at}:\n\n${quote(body)}`),
  ];
  return lines.join("\n\n");
}

function place({ path, line, startLine, side, outdated }: FrozenReviewThread): string {
  const file = `file ${JSON.stringify(path)}`;
  if (line === null) return outdated ? file : `${file} as a whole`;
  const range = startLine === null || startLine === line ? `line ${line}` : `lines ${startLine} to ${line}`;
  return `${file}, ${range} of the ${side === "LEFT" ? "old file, from before the pull request" : "new file"}`;
}

function lastLines(hunk: string): string {
  const lines = hunk.split("\n");
  const kept = lines.length <= maxHunkLines ? lines : [lines[0] ?? "", "…", ...lines.slice(-maxHunkLines)];
  const text = kept.join("\n");
  return text.length <= maxHunkChars ? text : `…${text.slice(-maxHunkChars)}`;
}

/** What the agent writes about a review, as lines of a list; none without threads. */
export function reviewManner({ review }: Pick<FrozenContext, "review">): string[] {
  const first = review?.threads[0]?.commentId;
  if (first === undefined) return [];
  return [
    "- A block marked `suggestion` in a remark is the text that the reviewer wants in place of the lines of the thread.",
    `- In the same file write one section for each thread, headed \`## Thread <number>\` with the number from above, like \`## Thread ${first}\`. ` +
      "The first line of the section is one of `done`, `not done: <the reason>` and `question: <what you need to know>`; " +
      "below it you may add a sentence or two for the reviewer. Each section becomes the one answer in its thread.",
    "- Say `done` only where your change does what the thread asks for. Leave no thread out.",
    "- Where two remarks, or a remark and the issue, ask for opposite things, do neither, do all the rest, and add the section " +
      "`## Contradictions` with one list item for each: `- Thread <number> and Thread <number>: <what each of them asks for, and what you suggest>`. " +
      "Such a thread gets no section of its own. People are asked which of the two it shall be.",
  ];
}
