import type { SkippedAttachment } from "./attachments-notice.ts";
import { mark } from "./mark.ts";
import type { PublicMarkdown } from "./inline-text.ts";
import { renderReceipt, type Receipt } from "./receipt.ts";
import { renderFoot, renderNotices, renderPatch, renderSetupTail, renderTodos } from "./status-details.ts";
import { renderHeadline, renderWords } from "./status-words.ts";

export type PullRequestRef = { number: number; draft: boolean };

/** Where a task stands. Reasons and names are one line, in which only `code` is Markdown; what Claude wrote at length is `PublicMarkdown`. */
export type StatusPhase =
  /** `place` 1 is next; `reason`: "your plan's 3 slots are busy". */
  | {
      kind: "queued";
      place: number;
      of: number;
      estimate: { typicalMs: number; longMs: number } | null;
      reason: string | null;
    }
  | { kind: "starting"; step: string }
  | {
      kind: "running";
      elapsedMs: number;
      costMicroUsd: number;
      budgetMicroUsd: number;
      branch: string | null;
      /** The head of our branch, as last read back from GitHub. */
      verifiedSha: string | null;
      /** The repository's test command that the server runs just now. */
      testing?: string | null;
    }
  | { kind: "waiting"; question: PublicMarkdown; answer: string }
  | {
      kind: "finished";
      headline: string;
      /** The headline is a whole sentence: the branch was moved, nothing was added to it. */
      verb?: "undo" | "rebase";
      pull: PullRequestRef | null;
      branch: string;
      summary: PublicMarkdown | null;
      receipt: Receipt;
    }
  | { kind: "unchanged"; text: PublicMarkdown | null; receipt: Receipt }
  | { kind: "answered"; text: PublicMarkdown; receipt: Receipt; review?: true }
  | { kind: "failed"; failure: Failure; pull: PullRequestRef | null; receipt: Receipt | null }
  | { kind: "timeout"; limitMs: number; pull: PullRequestRef | null; receipt: Receipt | null }
  | { kind: "cancelled"; by: string; receipt: Receipt | null }
  | { kind: "refused"; reason: string; remedy: string | null };

export type Failure = {
  /** What happened, one sentence. */
  what: string;
  /** What the person can do, one sentence. */
  remedy: string;
  retryHelps: boolean;
};

export type StatusNotices = {
  /** Pieces of the input that nobody could see rendered, left out of the prompt. */
  hiddenPieces: number;
  /** Comments by people without write access, left out of the prompt. */
  leftOutComments: number;
  /** The sandbox was made anew: from the last checkpoint with nothing lost, or without what a turn had not handed in. */
  rebuilt: "whole" | "partly" | null;
  /** Attached files that Claude was not given. */
  skippedAttachments: readonly SkippedAttachment[];
  /** The repository's setup commands failed; the agent worked without them. `tail`: the end of their output. */
  setup: { command: string; ended: string; tail: string } | null;
  /** What is wrong with the repository's settings file, which was left aside. */
  settings: readonly { line: number | null; message: string }[];
  /** Comments that the running turn was given. */
  steered: number;
  /** Each one sentence of inline Markdown of ours. */
  remarks: readonly string[];
  /** Files that the task changed and that were not pushed. */
  leftOutFiles: readonly { path: string; reason: string }[];
  /** Their changes, as a patch for `git apply`. */
  leftOutPatch: string | null;
};

export type StatusView = {
  taskId: string;
  requester: string;
  phase: StatusPhase;
  todos: readonly { text: string; state: "pending" | "in_progress" | "completed" }[];
  notices: StatusNotices;
  links: readonly { label: string; url: string }[];
  /** No amount of money is named: the thread is public. */
  hidesAmounts?: boolean;
  /** What tasks of the repository cost: half of them at most the one, nine in ten at most the other. Before the start. */
  estimate?: { typicalMicroUsd: number; longMicroUsd: number };
};

export const noNotices: StatusNotices = {
  hiddenPieces: 0,
  leftOutComments: 0,
  rebuilt: null,
  setup: null,
  settings: [],
  skippedAttachments: [],
  steered: 0,
  remarks: [],
  leftOutFiles: [],
  leftOutPatch: null,
};

/** GitHub takes 65,536 characters. */
const maxComment = 65_000;

/** The one status comment of a task, in whatever phase it is; its last line is the mark `task:<id>`. */
export function renderStatusComment(view: StatusView): string {
  const whole = render(view, { full: true });
  return whole.length <= maxComment ? whole : render(view, { full: false });
}

function render(view: StatusView, { full }: { full: boolean }): string {
  const { phase } = view;
  const options = { full, amounts: view.hidesAmounts !== true };
  const blocks = [
    renderHeadline(view),
    ...renderWords(view),
    renderTodos(view, options),
    renderNotices(view.notices),
    options.full ? renderSetupTail(view.notices) : "",
    options.full ? renderPatch(view.notices) : "",
    "receipt" in phase && phase.receipt !== null ? renderReceipt(phase.receipt, options) : "",
    renderFoot(view),
    mark("task", view.taskId),
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}
