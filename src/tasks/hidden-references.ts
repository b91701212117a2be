import { parseMarkdown } from "../github/parse-markdown.ts";
import { stripInvisible } from "../github/strip-invisible.ts";
import type { Edit } from "./hidden-parts.ts";

const reference = /&(?:#[xX][0-9a-fA-F]{1,6}|#\d{1,7}|[A-Za-z][A-Za-z0-9]{1,31});/g;
/** MathJax shows the space of these words without the words. */
const phantom = /\\[hv]?phantom[ \t]*\{[^{}\n]{0,2000}\}/g;

/** Character references that stand for something invisible (`&#8203;`, `&shy;`), and phantoms, outside `literals`. */
export function findHiddenReferences(
  source: string,
  literals: readonly { start: number; end: number }[],
): Edit[] {
  const known = new Map<string, boolean>();
  const ordered = literals.toSorted((a, b) => a.start - b.start);
  const edits: Edit[] = [];
  let next = 0;
  for (const match of [...source.matchAll(reference), ...source.matchAll(phantom)].sort(
    (a, b) => a.index - b.index,
  )) {
    const start = match.index;
    while ((ordered[next]?.end ?? Infinity) <= start) next++;
    if ((ordered[next]?.start ?? Infinity) <= start || isEscaped(source, start)) continue;
    const text = match[0];
    const hidden = text.startsWith("\\") || (known.get(text) ?? isInvisible(text));
    known.set(text, hidden);
    if (hidden) edits.push({ start, end: start + text.length, text: "", hidden: true });
  }
  return edits;
}

/** Phantoms in what is drawn as a formula as a whole. */
export function findPhantoms(formula: string, offset: number): Edit[] {
  return Array.from(formula.matchAll(phantom), ({ 0: found, index }) => ({
    start: offset + index,
    end: offset + index + found.length,
    text: "",
    hidden: true,
  }));
}

function isInvisible(text: string): boolean {
  const node = parseMarkdown(text)?.children[0];
  const first = node?.type === "paragraph" ? node.children[0] : undefined;
  return first?.type === "text" && first.value !== text && stripInvisible(first.value).text === "";
}

function isEscaped(source: string, at: number): boolean {
  let slashes = 0;
  while (source[at - 1 - slashes] === "\\") slashes++;
  return slashes % 2 === 1;
}
