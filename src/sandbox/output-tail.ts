/** Keeps the last `maxBytes` bytes of a stream without ever holding more than twice as many. */
export function createOutputTail(maxBytes: number): { push(chunk: Uint8Array): void; text(): string } {
  let chunks: Uint8Array[] = [];
  let heldBytes = 0;
  const last = () => {
    const all = Buffer.concat(chunks);
    return all.subarray(Math.max(0, all.length - maxBytes));
  };
  return {
    push(chunk) {
      chunks.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < 2 * maxBytes) return;
      // A copy: a view would keep the whole concatenated buffer alive.
      const kept = Buffer.from(last());
      chunks = [kept];
      heldBytes = kept.length;
    },
    text: () => last().toString("utf8"),
  };
}
