import { z } from "zod";
import { attachmentReference } from "../github/attachment-reference.ts";

/** The pull request that the task was asked for on, as it stood at the trigger. */
const frozenPull = z.strictObject({
  number: z.int(),
  url: z.string(),
  title: z.string(),
  body: z.string(),
  author: z.string(),
  authorMayWrite: z.boolean(),
  draft: z.boolean(),
  head: z.strictObject({
    ref: z.string(),
    sha: z.string(),
    /** The branch is in the repository itself, not in a fork. */
    sameRepository: z.boolean(),
  }),
  base: z.strictObject({ ref: z.string(), sha: z.string() }),
});
export type FrozenPull = z.infer<typeof frozenPull>;

const frozenRemark = z.strictObject({ id: z.int(), author: z.string(), at: z.string(), body: z.string() });

/** A conversation at a place of the diff. */
const frozenReviewThread = z.strictObject({
  /** Its first comment: where an answer goes. */
  commentId: z.int(),
  path: z.string(),
  /** Lines of the new file, or of the old one where side is LEFT; null: the whole file, or no longer in the diff. */
  line: z.int().nullable(),
  startLine: z.int().nullable(),
  side: z.enum(["LEFT", "RIGHT"]),
  outdated: z.boolean(),
  diffHunk: z.string(),
  /** Of people who may write, oldest first. */
  remarks: z.array(frozenRemark),
});
export type FrozenReviewThread = z.infer<typeof frozenReviewThread>;

/** A submitted review, a comment at a line, or the comments collected on a pull request of ours. */
const frozenReview = z.strictObject({
  /** Null: no submitted review. */
  id: z.int().nullable(),
  state: z.enum(["changes_requested", "commented", "approved"]).nullable(),
  author: z.string(),
  body: z.string(),
  /** Comments of the pull request's own conversation. */
  notes: z.array(frozenRemark),
  threads: z.array(frozenReviewThread),
  /** Threads and comments beyond what one task takes. */
  leftOut: z.int(),
});
export type FrozenReview = z.infer<typeof frozenReview>;

const frozenCheck = z.strictObject({
  /** Of the check run; null: a commit status. */
  id: z.int().nullable(),
  name: z.string(),
  conclusion: z.string(),
  url: z.string().nullable(),
  /** Title, summary and annotations as the check wrote them: foreign text. */
  summary: z.string(),
  /** The end of its log; null where there is none to be had. */
  logTail: z.string().nullable(),
  /** real · flaky: passed and failed on the same commit · baseline: fails on the base as well. */
  verdict: z.enum(["real", "flaky", "baseline"]),
});
export type FrozenCheck = z.infer<typeof frozenCheck>;

const frozenChecks = z.strictObject({ headSha: z.string(), attempt: z.int(), checks: z.array(frozenCheck) });
export type FrozenChecks = z.infer<typeof frozenChecks>;

/**
 * What the thread said at the moment of the trigger, stored with the task: nothing written or edited later
 * can reach the prompt.
 */
export const frozenContext = z.strictObject({
  repository: z.strictObject({ owner: z.string(), name: z.string() }),
  issue: z.strictObject({
    number: z.int(),
    id: z.int(),
    url: z.string(),
    title: z.string(),
    body: z.string(),
    author: z.string(),
    /** Whether the author may write to the repository; others are quoted with that said. */
    authorMayWrite: z.boolean(),
  }),
  comments: z.array(z.strictObject({ author: z.string(), at: z.string(), body: z.string() })),
  /** Before those, and too many for one prompt. Absent in tasks from before they were counted. */
  olderComments: z.int().default(0),
  /** Absent in tasks from before there were any. */
  attachments: z.array(attachmentReference).default([]),
  /** Null: asked for on an issue. The `issue` is then the pull request itself. */
  pull: frozenPull.nullable().default(null),
  review: frozenReview.nullable().default(null),
  checks: frozenChecks.nullable().default(null),
  base: z.strictObject({ ref: z.string(), sha: z.string() }),
  /** Comments that are not in the prompt, and pieces that nobody could see rendered. */
  leftOutComments: z.int(),
  hiddenPieces: z.int(),
});

export type FrozenContext = z.infer<typeof frozenContext>;
