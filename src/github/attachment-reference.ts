import { z } from "zod";

/**
 * A file that somebody put into a text of the thread, as it was frozen at the trigger.
 * `kind`: asset and file are GitHub's two forms, image is a picture of the old open image host; the others are never fetched:
 * foreign = lies elsewhere, expiring = somebody's signed link, video, unchecked = the text is too intricate to tell what it shows.
 */
export const attachmentReference = z.strictObject({
  url: z.string(),
  /** For people and for the file's name; never made of words that nobody sees. */
  name: z.string(),
  kind: z.enum(["asset", "file", "image", "foreign", "expiring", "video", "unchecked"]),
  /** The how-maniest image of its text, from 1; null: a link. */
  nthImage: z.int().nullable(),
  where: z.enum(["issue", "comment", "command"]),
  /** The comment that shows it; null: the issue itself. */
  commentId: z.int().nullable(),
  author: z.string(),
  /** When the comment was written. */
  at: z.string().nullable(),
});

export type AttachmentReference = z.infer<typeof attachmentReference>;
