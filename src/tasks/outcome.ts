import type { PublicMarkdown } from "../github/inline-text.ts";

/** What the push left out, and the patch in which it is offered instead. */
export type LeftOut = { files: { path: string; reason: string }[]; patch: string | null };

/** How a task ended, as the thread and the command line tell it. */
export type Outcome =
  | {
      kind: "published";
      title: string;
      branch: string;
      /** As read back from GitHub after the push. */
      sha: string;
      /** Null: the command asked for none. */
      pull: { number: number; url: string; draft: boolean } | null;
      text: PublicMarkdown | null;
      leftOut: LeftOut;
    }
  | { kind: "no-changes"; text: PublicMarkdown | null }
  /** `rebase`. `mergeable` is GitHub's own word after the push; null: it gave none in time. */
  | {
      kind: "rebased";
      onto: string;
      branch: string;
      sha: string;
      /** What Claude had to resolve. */
      conflicts: string[];
      pull: { number: number; url: string; draft: boolean } | null;
      mergeable: boolean | null;
    }
  | { kind: "up-to-date"; onto: string; sha: string }
  /** `review`. `url` null: all of it had been said before. */
  | {
      kind: "reviewed";
      url: string | null;
      /** Inline comments of this review, and those that an earlier one had made. */
      remarks: number;
      before: number;
      text: PublicMarkdown | null;
    }
  /** `undo`. reset: the branch was moved back · revert: a commit takes it back, because others stand on it. */
  | {
      kind: "undone";
      turns: { title: string; sha: string }[];
      how: "reset" | "revert";
      branch: string;
      /** As read back from GitHub after the push. */
      sha: string;
      pull: { number: number; url: string; draft: boolean } | null;
    }
  /** `ask`: nothing was to be changed. */
  | { kind: "answered"; text: PublicMarkdown | null }
  /** All that was changed is protected; it is offered as a patch. */
  | { kind: "left-out"; text: PublicMarkdown | null; leftOut: LeftOut }
  | { kind: "cancelled"; by: string }
  | { kind: "timeout"; afterMs: number }
  | { kind: "budget"; capMicroUsd: number }
  | {
      kind: "error";
      code: string;
      message: string;
      remedy: string;
      /** Whether the same command may succeed when repeated. */
      retryHelps: boolean;
      /** "platform": ours, not charged. */
      fault: "platform" | "operator" | "model" | "user";
    };
