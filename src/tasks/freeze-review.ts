import type { ReviewRemark } from "../github/read-review.ts";
import type { FrozenReview, FrozenReviewThread } from "./frozen-context.ts";

/** What was said about a pull request and asks for work. */
export type ReviewMaterial = {
  /** Null: no submitted review, but comments of their own. */
  id: number | null;
  state: FrozenReview["state"];
  author: string;
  body: string;
  /** Comments of the pull request's conversation that ask for work, oldest first. */
  notes: readonly { id: number; author: string; at: Date; body: string }[];
  /** Every inline comment, oldest first; those in `askedIds` ask for work and bring their whole thread along. */
  remarks: readonly ReviewRemark[];
  askedIds: ReadonlySet<number>;
};

/** More are no review but a second issue; what is beyond them is counted. */
const maxThreads = 100;
const maxRemarksOfThread = 50;

/** GitHub's hunk runs from its head to the commented line, which can be far down. */
const maxHunkLines = 40;

/**
 * The threads that ask for work, with what people who may write said in them before. A comment that asks is always there, as
 * it was asked for by somebody who may write; others count only as they stood before the trigger.
 */
export function freezeReview(
  material: ReviewMaterial,
  options: { writers: ReadonlySet<number>; before: Date; visible: (markdown: string) => string },
): FrozenReview {
  const { writers, before, visible } = options;
  const threads = new Map<number, ReviewRemark[]>();
  for (const remark of material.remarks) {
    const root = remark.inReplyTo ?? remark.id;
    threads.set(root, [...(threads.get(root) ?? []), remark]);
  }
  const asked = [...threads].filter(([, remarks]) => remarks.some(({ id }) => material.askedIds.has(id)));
  const kept = asked.slice(0, maxThreads);
  let leftOut = asked.slice(maxThreads).flatMap(([, remarks]) => remarks).length;
  const belongs = ({ id, author, createdAt, updatedAt }: ReviewRemark): boolean => {
    if (material.askedIds.has(id)) return true;
    return author !== null && writers.has(author.id) && createdAt < before && updatedAt < before;
  };
  const frozen = kept.map(([root, remarks]): FrozenReviewThread => {
    const first = remarks.find(({ id }) => id === root) ?? remarks[0];
    if (first === undefined) throw new Error(`the review thread ${root} is empty`);
    const heard = remarks.filter(belongs);
    leftOut += remarks.filter((remark) => !belongs(remark) && remark.author?.type !== "Bot").length;
    leftOut += Math.max(0, heard.length - maxRemarksOfThread);
    return {
      commentId: root,
      path: first.path,
      line: first.line,
      startLine: first.startLine,
      side: first.side,
      outdated: first.outdated,
      diffHunk: lastLines(first.diffHunk),
      // The newest are the ones that ask.
      remarks: heard.slice(-maxRemarksOfThread).map(({ id, author, createdAt, body }) => ({
        id,
        author: author?.login ?? "ghost",
        at: createdAt.toISOString(),
        body: visible(body),
      })),
    };
  });
  return {
    id: material.id,
    state: material.state,
    author: material.author,
    body: visible(material.body),
    notes: material.notes.map(({ id, author, at, body }) => ({
      ...{ id, author, at: at.toISOString() },
      body: visible(body),
    })),
    threads: frozen,
    leftOut,
  };
}

function lastLines(hunk: string): string {
  const lines = hunk.split("\n");
  return lines.length <= maxHunkLines
    ? hunk
    : [...lines.slice(0, 1), "…", ...lines.slice(2 - maxHunkLines)].join("\n");
}
