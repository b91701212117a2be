export type LineSplitter = {
  /** Takes any part of the stream; calls `onLine` for each line that it completes. */
  push: (chunk: Uint8Array) => void;
  /** The stream has ended: hands out a last line without its newline. */
  end: () => void;
};

type SplitterOptions = {
  /** A line without its line ending, decoded from UTF-8 (what is none becomes U+FFFD); empty lines are left out. */
  onLine: (line: string) => void;
  /** A line longer than `maxLineBytes` was left out. */
  onOversized?: (bytes: number) => void;
  /** Default 16 MiB: the longest line of Claude Code seen was a tool result of 10 MB. */
  maxLineBytes?: number;
};

const newline = 0x0a;

/** Cuts a byte stream into lines in linear time, whatever the size of chunks and lines; holds at most one line. */
export function createLineSplitter(options: SplitterOptions): LineSplitter {
  const maxLineBytes = options.maxLineBytes ?? 16 * 1024 * 1024;
  let parts: Uint8Array[] = [];
  let length = 0;

  function keep(part: Uint8Array): void {
    length += part.length;
    if (length > maxLineBytes) parts = [];
    // The caller may reuse its buffer for the next chunk.
    else if (part.length > 0) parts.push(part.slice());
  }

  function finish(part: Uint8Array): void {
    const bytes = length + part.length;
    if (bytes > maxLineBytes) options.onOversized?.(bytes);
    else if (bytes > 0) {
      const whole = parts.length === 0 ? part : Buffer.concat([...parts, part]);
      const line = Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength)
        .toString("utf8")
        .replace(/\r$/, "");
      if (line !== "") options.onLine(line);
    }
    parts = [];
    length = 0;
  }

  return {
    push(chunk) {
      let start = 0;
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, start)) {
        finish(chunk.subarray(start, at));
        start = at + 1;
      }
      keep(chunk.subarray(start));
    },
    end() {
      finish(new Uint8Array(0));
    },
  };
}
