/** One line of a stream without its end; `text` is null for a line longer than what is kept. */
export type Line = { text: string | null; byteLength: number };

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Cuts a byte stream into lines, wherever its chunks begin and end. A line longer than `maxKeptBytes` is counted but
 * not kept, so that memory stays flat whatever comes.
 */
export class LineSplitter {
  readonly #onLine: (line: Line) => void;
  readonly #maxKeptBytes: number;
  #parts: Uint8Array[] = [];
  #byteLength = 0;

  constructor(onLine: (line: Line) => void, maxKeptBytes = 256 * 1024) {
    this.#onLine = onLine;
    this.#maxKeptBytes = maxKeptBytes;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      this.#add(chunk.subarray(from, end));
      this.end();
      from = end + 1;
    }
    this.#add(chunk.subarray(from));
  }

  /** Hands over what stands after the last line end as a line. */
  end(): void {
    const kept = this.#byteLength <= this.#maxKeptBytes;
    const bytes = Buffer.concat(this.#parts);
    const text =
      bytes.at(-1) === carriageReturn ? bytes.toString("utf8", 0, bytes.length - 1) : bytes.toString();
    const byteLength = this.#byteLength;
    this.#parts = [];
    this.#byteLength = 0;
    this.#onLine({ text: kept ? text : null, byteLength });
  }

  #add(part: Uint8Array): void {
    this.#byteLength += part.length;
    if (part.length === 0) return;
    if (this.#byteLength <= this.#maxKeptBytes) this.#parts.push(part);
    else this.#parts = [];
  }
}
