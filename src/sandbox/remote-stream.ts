import { createOutputTail } from "./output-tail.ts";

const tailBytes = 64 * 1024;

/**
 * One stream of a remote command, delivered exactly once and in order, whether it comes live as decoded text or is read
 * from the machine's file of it. `offset` counts the bytes delivered, which is where the file has to be read on.
 */
export type RemoteStream = {
  /** Takes text that came live; false when its bytes cannot be told, and nothing live may be taken any more. */
  pushText(text: string): boolean;
  pushBytes(bytes: Uint8Array): void;
  readonly offset: number;
  /** Whether the launcher's first line has come. */
  readonly begun: boolean;
  /** What came before the launcher's first line: a login shell's own words, or why nothing was started. */
  readonly preface: string;
  tail(): string;
};

export function createRemoteStream(mark: string, deliver: (bytes: Uint8Array) => void): RemoteStream {
  const tail = createOutputTail(tailBytes);
  let preface = "";
  let begun = false;
  let exact = true;
  let offset = 0;
  const pushBytes = (bytes: Uint8Array) => {
    if (bytes.length === 0) return;
    offset += bytes.length;
    tail.push(bytes);
    deliver(bytes);
  };
  const afterMark = (text: string): string => {
    preface += text;
    const at = preface.indexOf(`${mark}\n`);
    if (at < 0) {
      preface = preface.slice(-tailBytes);
      return "";
    }
    begun = true;
    const rest = preface.slice(at + mark.length + 1);
    preface = preface.slice(0, at);
    return rest;
  };
  return {
    pushText(text) {
      const rest = begun ? text : afterMark(text);
      if (!exact) return false;
      // U+FFFD stands for bytes that were no UTF-8 (or for itself): how many they were only the file knows.
      const strange = rest.indexOf("\uFFFD");
      exact = strange < 0;
      pushBytes(Buffer.from(exact ? rest : rest.slice(0, strange), "utf8"));
      return exact;
    },
    pushBytes,
    get offset() {
      return offset;
    },
    get begun() {
      return begun;
    },
    get preface() {
      return preface;
    },
    tail: () => tail.text(),
  };
}
