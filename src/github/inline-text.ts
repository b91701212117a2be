import { closingHint, splitLiveText } from "./live-text.ts";
import { stripInvisible } from "./strip-invisible.ts";

/** Text that GitHub shows as it stands: nothing in it mentions, links elsewhere, closes or loads anything. */
export type PublicMarkdown = string & { readonly publicMarkdown: true };

/**
 * One line of foreign text (a title, a todo, a sentence) as inline Markdown, cut to `max` characters: simple code
 * spans stay, all other Markdown is shown as it was typed. It holds no `|`, so that it also fits into a table.
 */
export function toInlineText(text: string, max = 200): PublicMarkdown {
  const line = oneLine(text, max);
  const references = closingHint.test(line);
  return line
    .split(/(`[^`]+`)/)
    .map((part, index) => (index % 2 === 1 ? codeSpan(part.slice(1, -1)) : toSafeText(part, { references })))
    .join("") as PublicMarkdown;
}

/** One line of foreign text in a code span that it cannot leave; cut to `max` characters. */
export function toInlineCode(text: string, max = 200): PublicMarkdown {
  return codeSpan(oneLine(text, max)) as PublicMarkdown;
}

/** At most `max` characters on one line, without what is invisible. */
export function oneLine(text: string, max: number): string {
  const line = stripInvisible(text.slice(0, 4 * max).replaceAll(/\s+/g, " ")).text.trim();
  const characters = Array.from(line.slice(0, 2 * max + 2));
  return characters.length <= max
    ? line
    : `${characters
        .slice(0, max - 1)
        .join("")
        .trimEnd()}…`;
}

function toSafeText(text: string, options: { references: boolean }): string {
  return splitLiveText(text, options)
    .map((piece) => (piece.live ? codeSpan(piece.text) : escape(piece.text)))
    .join("");
}

/** Backslashes in front of punctuation are always allowed by CommonMark, and shown as nothing. */
function escape(text: string): string {
  return text
    .replaceAll(/[\\`*_[\]<>~#|&]/g, (mark) => entities.get(mark) ?? `\\${mark}`)
    .replace(/^(\s*)([-+=])/, "$1\\$2")
    .replace(/^(\s*\d+)([.)])/, "$1\\$2");
}

const entities = new Map([
  ["|", "&#124;"],
  ["&", "&amp;"],
]);

/** A table cell ends at `|` even inside code, and a code span has no escapes: a look-alike stands in. */
function codeSpan(text: string): string {
  const body = text.replaceAll("|", "\u00A6");
  const longest = Math.max(0, ...[...body.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = "`".repeat(longest + 1);
  const padded = longest > 0 || body.trim() === "" ? ` ${body} ` : body;
  return `${fence}${padded}${fence}`;
}
