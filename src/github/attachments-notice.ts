import { formatPlural } from "./amounts.ts";
import type { AttachmentResult } from "./attachments.ts";
import { toInlineCode, toInlineText } from "./inline-text.ts";

/** An attachment that the agent did not get, as the receipt keeps it. */
export type SkippedAttachment = { name: string; reason: string };

const maxShown = 10;

export function toSkippedAttachment({
  reference,
  reason,
}: Extract<AttachmentResult, { kind: "skipped" }>): SkippedAttachment {
  return { name: reference.name, reason };
}

/** What the thread says about attachments that the agent did not get: a sentence and a list, as lines; none when there are none. */
export function renderSkippedAttachments(skipped: readonly SkippedAttachment[]): string[] {
  if (skipped.length === 0) return [];
  const rows = skipped
    .slice(0, maxShown)
    .map(({ name, reason }) => `- ${toInlineCode(name, 80)}: ${toInlineText(reason, 250)}`);
  const more = skipped.length - rows.length;
  return [
    `${formatPlural(skipped.length, "attachment")} ${skipped.length === 1 ? "was" : "were"} skipped:`,
    ...rows,
    ...(more > 0 ? [`- and ${more} more`] : []),
  ];
}
