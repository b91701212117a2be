import { formatPlural } from "../github/amounts.ts";
import type { Receipt } from "../github/receipt.ts";
import {
  noNotices,
  type StatusNotices,
  type StatusPhase,
  type StatusView,
} from "../github/status-comment.ts";
import type { TaskQuestion } from "../../db/schema.ts";
import { toInlineCode, toInlineText, type PublicMarkdown } from "../github/inline-text.ts";
import type { LeftOut, Outcome } from "./outcome.ts";
import type { Place } from "./place-store.ts";
import { placeInLine, whyItWaits } from "./queue-words.ts";
import type { Task } from "./task-store.ts";

/** The status comment of a task in a phase. */
export function toStatusView(
  task: Task,
  phase: StatusPhase,
  todos: StatusView["todos"] = task.todos ?? [],
): StatusView {
  return {
    taskId: task.id,
    requester: task.requesterLogin,
    phase,
    todos,
    notices: toNotices(task),
    links: [],
  };
}

function toNotices(task: Task): StatusNotices {
  const leftOut = task.outcome !== null && "leftOut" in task.outcome ? task.outcome.leftOut : nothingLeftOut;
  return {
    ...noNotices,
    hiddenPieces: task.context.hiddenPieces,
    leftOutComments: task.context.leftOutComments,
    rebuilt: task.notices.rebuilt ?? null,
    setup: task.notices.setup ?? null,
    settings: task.notices.settings ?? [],
    skippedAttachments: task.notices.skippedAttachments ?? [],
    steered: task.notices.steered ?? 0,
    remarks: [
      ...aboutOlder(task.context),
      ...(task.notices.remarks ?? []),
      ...(task.notices.cap === undefined ? [] : [task.notices.cap]),
      ...(task.notices.budget ?? []),
    ],
    leftOutFiles: leftOut.files,
    leftOutPatch: leftOut.patch,
  };
}

function aboutOlder({ olderComments }: Task["context"]): string[] {
  if (olderComments === 0) return [];
  return [
    `The thread is too long for one prompt: Claude was not given its ${formatPlural(olderComments, "oldest comment")}.`,
  ];
}

const nothingLeftOut: LeftOut = { files: [], patch: null };

/** The last word about a task. `pullNumber` is the session's, also when this task added nothing to it. */
export function toFinalPhase(
  outcome: Outcome,
  facts: { receipt: Receipt | null; pullNumber: number | null },
): StatusPhase {
  const { receipt } = facts;
  const pull = facts.pullNumber === null ? null : { number: facts.pullNumber, draft: true };
  switch (outcome.kind) {
    case "published":
      return {
        kind: "finished",
        headline: outcome.title,
        pull: outcome.pull,
        branch: outcome.branch,
        summary: outcome.text,
        receipt: present(receipt),
      };
    case "undone":
      return {
        kind: "finished",
        verb: "undo",
        headline: `Took back ${outcome.turns.length === 1 ? "the last turn" : `the last ${outcome.turns.length} turns`}`,
        pull: outcome.pull,
        branch: outcome.branch,
        summary: listUndone(outcome),
        receipt: present(receipt),
      };
    case "rebased":
      return {
        kind: "finished",
        verb: "rebase",
        headline: `Rebased onto ${outcome.onto}`,
        pull: outcome.pull,
        branch: outcome.branch,
        summary: tellRebase(outcome),
        receipt: present(receipt),
      };
    case "up-to-date":
      return {
        kind: "unchanged",
        text: `The branch already stands on ${toInlineCode(outcome.onto)} (${outcome.sha.slice(0, 12)}).` as PublicMarkdown,
        receipt: present(receipt),
      };
    case "reviewed":
      return { kind: "answered", text: tellReview(outcome), receipt: present(receipt), review: true };
    case "answered":
      return outcome.text === null
        ? { kind: "unchanged", text: null, receipt: present(receipt) }
        : { kind: "answered", text: outcome.text, receipt: present(receipt) };
    case "no-changes":
    case "left-out":
      return { kind: "unchanged", text: outcome.text, receipt: present(receipt) };
    case "cancelled":
      return { kind: "cancelled", by: outcome.by, receipt };
    case "timeout":
      return { kind: "timeout", limitMs: outcome.afterMs, pull, receipt };
    case "budget":
      return {
        kind: "failed",
        pull,
        receipt,
        failure: {
          what: "The model calls reached this task's budget.",
          remedy: "Write `/claude budget +2` to add two dollars and go on; the work so far is kept.",
          retryHelps: true,
        },
      };
    case "error":
      return {
        kind: "failed",
        pull,
        receipt,
        failure: { what: outcome.message, remedy: outcome.remedy, retryHelps: outcome.retryHelps },
      };
  }
}

function listUndone({ turns, how }: Extract<Outcome, { kind: "undone" }>): PublicMarkdown {
  const way =
    how === "reset"
      ? "The branch was moved back; sandbox and conversation go on from before:"
      : "A commit takes it back, because others have pushed since or nothing would be left; sandbox and conversation go on from before:";
  return [way, "", ...turns.map(({ title, sha }) => `- ${toInlineText(title)} (${sha.slice(0, 12)})`)].join(
    "\n",
  ) as PublicMarkdown;
}

function tellRebase({ conflicts, mergeable }: Extract<Outcome, { kind: "rebased" }>): PublicMarkdown {
  const said =
    mergeable === null
      ? "GitHub has not said yet whether it can be merged."
      : mergeable
        ? "GitHub says that it can be merged."
        : "GitHub says that it still **cannot** be merged.";
  const resolved =
    conflicts.length === 0
      ? []
      : ["", "Claude resolved conflicts in:", "", ...conflicts.map((path) => `- ${toInlineCode(path)}`)];
  return [said, ...resolved].join("\n") as PublicMarkdown;
}

function tellReview({ url, remarks, before }: Extract<Outcome, { kind: "reviewed" }>): PublicMarkdown {
  if (url === null) return "Nothing new: all of it has been said in an earlier review." as PublicMarkdown;
  const count =
    remarks === 0 ? "no inline comment" : remarks === 1 ? "1 inline comment" : `${remarks} inline comments`;
  const repeated =
    before === 0 ? "" : `; ${before} more ${before === 1 ? "stands" : "stand"} from an earlier review`;
  return `[Review submitted](${url}) with ${count}${repeated}.` as PublicMarkdown;
}

/** What a waiting task asks, and how it is answered. */
export function toWaitingPhase(question: TaskQuestion): StatusPhase {
  return { kind: "waiting", question: question.text as PublicMarkdown, answer: howToAnswer(question) };
}

function howToAnswer({ kind, sha }: TaskQuestion): string {
  const approve = sha === null ? "`/claude approve`" : `\`/claude approve ${sha.slice(0, 12)}\``;
  switch (kind) {
    case "plan":
      return `Write ${approve} to have it carried out, or \`/claude\` and what should be different.`;
    case "protected-paths":
      return `Write ${approve} to have these files pushed as well.`;
    case "cost":
      return `Write ${approve} to let it go on, or \`/claude stop\`.`;
    case "questions":
      return "Answer with `/claude` and your words; without an answer nothing more happens.";
  }
}

function present(receipt: Receipt | null): Receipt {
  if (receipt === null) throw new Error("a completed task has a receipt");
  return receipt;
}

/** Why a task waits, in words. */
export function toQueuedPhase(place: Place): StatusPhase {
  return { kind: "queued", ...placeInLine(place), estimate: place.estimate, reason: whyItWaits(place) };
}
