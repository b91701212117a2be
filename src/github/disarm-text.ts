import { closingKeyword } from "./live-text.ts";

/** Also with marks of Markdown in between: in plain text they are none. */
const closingReference = String.raw`(${closingKeyword.source})[:\s\\*_~${"`"}]*(?:[\w.-]{1,100}\/[\w.-]{1,100})?(?:#|GH-|https?:\/\/\S+\/)\d+`;
const closing = new RegExp(closingReference, "gi");
const bracketedClosing = new RegExp(String.raw`\(\s*${closingReference}\s*\)`, "gi");

/**
 * Plain text in which nothing mentions anybody or closes an issue, for where GitHub reads both and no Markdown takes
 * them back: titles and commit messages.
 */
export function disarmText(text: string): string {
  let left = text.replaceAll(/@+(?=\w)/g, "");
  // What is taken out may bring a keyword and a number together that stood apart.
  for (let before = ""; before !== left;) {
    before = left;
    left = left.replaceAll(bracketedClosing, " ").replaceAll(closing, "$1 ");
  }
  return left;
}
