import type { Redactor } from "../github/redact.ts";

const maxLines = 40;
const maxLineLength = 300;

/**
 * The end of a terminal's output as a person would read it: without colours and control characters, of a line that was
 * written over only what stood there last, the last 40 lines, redacted.
 */
export function readableTail(output: string, redact: Redactor): string {
  // Colours go first: between its letters they would carry a secret past the redactor.
  const plain = output
    .replaceAll(escapes, "")
    .split("\n")
    .map(lastWritten)
    .join("\n")
    .replaceAll(controls, "");
  const lines = redact(plain).trim().split("\n").slice(-maxLines);
  return lines.map((line) => cut(line.trimEnd())).join("\n");
}

/**
 * Escape sequences of terminals (ECMA-48): strings such as a title, control sequences such as a colour, the rest. An end
 * may be missing, so that nothing is read twice; node's own function takes a second for 32 KiB of beginnings.
 */
const escapes =
  /\u001b[\]P^_X][^\u0007\u001b\n]{0,2000}(?:\u0007|\u001b\\)?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/g;

/** All but tab and newline. */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

function lastWritten(line: string): string {
  const text = line.replace(/\r+$/, "");
  return text.slice(text.lastIndexOf("\r") + 1);
}

function cut(line: string): string {
  return line.length > maxLineLength ? `${line.slice(0, maxLineLength)}…` : line;
}
