import type { AttachmentReference } from "../github/attachment-reference.ts";
import { findAttachments } from "./attachments-find.ts";

/** A text of the thread as it was written, by somebody whose text goes into the prompt. */
export type AttachingText = Pick<AttachmentReference, "where" | "commentId" | "author" | "at"> & {
  body: string;
};

/** More are not remembered, whoever attaches them. */
const maxFrozen = 50;

/** The files attached in these texts, each once, where it is first shown. Nothing is fetched. */
export function freezeAttachments(
  texts: readonly AttachingText[],
  options: { serverUrl: string },
): AttachmentReference[] {
  const frozen = new Map<string, AttachmentReference>();
  for (const { body, ...source } of texts) {
    for (const found of findAttachments(body, options))
      if (!frozen.has(found.url)) frozen.set(found.url, { ...found, ...source });
  }
  return [...frozen.values()].slice(0, maxFrozen);
}
