import { findPhantoms } from "./hidden-references.ts";
import type { Edit } from "./hidden-parts.ts";

type Span = { start: number; end: number };

/** What of a block of code GitHub does not show: all behind its language, and in what it draws the drawing's own comments. */
export function findHiddenInFence(source: string, span: Span): Edit[] {
  const block = source.slice(span.start, span.end);
  const match = /^(?:`{3,}|~{3,})[ \t]*([A-Za-z0-9+#._-]{0,20}(?=[ \t\r\n]|$))?([^\r\n]*)/.exec(block);
  if (match === null) return [];
  const [head, language = "", rest = ""] = match;
  const end = span.start + head.length;
  const info: Edit[] = rest.trim() === "" ? [] : [{ start: end - rest.length, end, text: "", hidden: true }];
  return [...info, ...findUndrawn(block.slice(head.length), language.toLowerCase(), end)];
}

/** Comments, directives and descriptions for screen readers. */
const unseenInDiagram =
  /(?<=^[ \t>]{0,100})(?:%%[^\r\n]*|acc(?:Title|Descr)[ \t]*:[^\r\n]*|accDescr[ \t]*\{[^{}]{0,2000}\})/gm;

function findUndrawn(body: string, language: string, offset: number): Edit[] {
  if (language === "math") return findPhantoms(body, offset);
  if (language !== "mermaid") return [];
  return Array.from(body.matchAll(unseenInDiagram), ({ 0: found, index }) => ({
    start: offset + index,
    end: offset + index + found.length,
    text: "",
    hidden: true,
  }));
}
