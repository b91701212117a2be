import { disarmText } from "./disarm-text.ts";
import { oneLine } from "./inline-text.ts";
import type { Redactor } from "./redact.ts";

const maxTitle = 72;

/**
 * A title as plain text of at most 72 characters, for pull requests and commits: a title becomes a commit message
 * when the pull request is squashed, so nothing in it may mention or close. Empty when nothing is left.
 * A secret that only stands there without the marks is taken out as well.
 */
export function toPlainTitle(text: string, redact: Redactor = (line) => line): string {
  const plain = oneLine(text, 400)
    .replace(/^#+\s*/, "")
    .replaceAll(/[`<>]|\*\*/g, "");
  const line = disarmText(plain).replaceAll(/\s+/g, " ");
  return shorten(redact(line.replaceAll(/ (?=[:;,.])/g, "").trim())).replace(/[.\s]+$/, "");
}

function shorten(line: string): string {
  const characters = Array.from(line);
  if (characters.length <= maxTitle) return line;
  const head = characters.slice(0, maxTitle - 1).join("");
  const lastWord = head.lastIndexOf(" ");
  return `${(lastWord > maxTitle / 2 ? head.slice(0, lastWord) : head).trimEnd()}…`;
}
