import { oneLine } from "./inline-text.ts";
import { closingKeyword } from "./live-text.ts";

const maxTitle = 72;

const closingReference = String.raw`(${closingKeyword.source})[:\s]*(?:[\w.-]{1,100}\/[\w.-]{1,100})?(?:#|GH-|https?:\/\/\S+\/)\d+`;
const closing = new RegExp(closingReference, "gi");
const bracketedClosing = new RegExp(String.raw`\(\s*${closingReference}\s*\)`, "gi");

/**
 * A title as plain text of at most 72 characters, for pull requests and commits: a title becomes a commit message
 * when the pull request is squashed, so nothing in it may mention or close. Empty when nothing is left.
 */
export function toPlainTitle(text: string): string {
  let line = oneLine(text, 400)
    .replace(/^#+\s*/, "")
    .replaceAll(/[`<>]|\*\*/g, "")
    .replaceAll(/@(?=\w)/g, "");
  // What is taken out may bring a keyword and a number together that stood apart.
  for (let before = ""; before !== line;) {
    before = line;
    line = line.replaceAll(bracketedClosing, " ").replaceAll(closing, "$1 ").replaceAll(/\s+/g, " ");
  }
  return shorten(line.replaceAll(/ (?=[:;,.])/g, "").trim()).replace(/[.\s]+$/, "");
}

function shorten(line: string): string {
  const characters = Array.from(line);
  if (characters.length <= maxTitle) return line;
  const head = characters.slice(0, maxTitle - 1).join("");
  const lastWord = head.lastIndexOf(" ");
  return `${(lastWord > maxTitle / 2 ? head.slice(0, lastWord) : head).trimEnd()}…`;
}
