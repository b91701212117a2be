const mebibyte = 1024 * 1024;

/** What one turn is given of the files attached to its thread. */
export const attachmentLimits = {
  /** GitHub's own limit for an image; what is larger no model reads as a whole. */
  maxFileBytes: 10 * mebibyte,
  /** Each picture costs the model about as much as two pages of text. */
  maxFiles: 10,
  /** GitHub's limit for one file of another kind, so that a single one never goes past it. */
  maxTotalBytes: 25 * mebibyte,
  /** The person waits for this before the agent starts. */
  totalTimeoutMs: 60_000,
  requestTimeoutMs: 20_000,
  attempts: 3,
  /** Before the second attempt; doubled before the third, and more where GitHub asks for it. */
  retryPauseMs: 400,
} as const;

export type AttachmentLimits = { [name in keyof typeof attachmentLimits]: number };

/** Bytes as people read them: 512 B, 3.4 KiB, 10 MiB. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const [amount, unit] = bytes < mebibyte ? [bytes / 1024, "KiB"] : [bytes / mebibyte, "MiB"];
  return `${Number(amount.toFixed(1))} ${unit}`;
}
