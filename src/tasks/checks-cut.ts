const sign = "\n[…]";

/** The beginning of a text, in at most that many bytes of UTF-8, with a sign that it goes on. */
export function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const kept = bytes.subarray(0, maxBytes - Buffer.byteLength(sign)).toString("utf8");
  return `${kept.replace(/\uFFFD+$/, "")}${sign}`;
}
