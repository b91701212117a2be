import type { PublicMarkdown } from "../github/inline-text.ts";
import type { FrozenReviewThread } from "./frozen-context.ts";
import type { TurnThread } from "./turn-result.ts";

/** What the server saw of the turn's push; null: nothing was pushed. */
export type ReviewPush = {
  /** The turn's own commit. */
  sha: string;
  /** Where the branch stood when it was read back from GitHub. */
  remoteSha: string;
  /** The paths that the commit changes. */
  paths: readonly string[];
} | null;

/**
 * handled: said to be done, and the pushed commit touches the file · claimed: said to be done, and it does not ·
 * answered: not done, with a reason · left: nothing that could be read was said of it.
 */
export type Judged = {
  as: "handled" | "claimed" | "answered" | "left";
  text: PublicMarkdown | null;
};

/** The agent's word on a thread held against what was really pushed. */
export function judgeThread(
  thread: Pick<FrozenReviewThread, "path">,
  word: TurnThread | undefined,
  push: ReviewPush,
): Judged {
  const text = word?.text ?? null;
  switch (word?.verdict) {
    case "done":
      return { as: push?.paths.includes(thread.path) === true ? "handled" : "claimed", text };
    case "not-done":
      return { as: "answered", text };
    default:
      return { as: "left", text };
  }
}
