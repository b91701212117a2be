import { z } from "zod";
import { attachmentReference } from "../github/attachment-reference.ts";

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
  /** Absent in tasks from before there were any. */
  attachments: z.array(attachmentReference).default([]),
  base: z.strictObject({ ref: z.string(), sha: z.string() }),
  /** Comments that are not in the prompt, and pieces that nobody could see rendered. */
  leftOutComments: z.int(),
  hiddenPieces: z.int(),
});

export type FrozenContext = z.infer<typeof frozenContext>;
