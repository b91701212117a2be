import type { Nodes, Root } from "mdast";
import { outlineLines } from "../github/markdown-effort.ts";
import { parseMarkdown } from "../github/parse-markdown.ts";
import { shortenOutline } from "./shorten-outline.ts";

export type Trigger =
  | { kind: "none" }
  /** `after`: offset behind the word `/claude`. */
  | { kind: "found"; after: number }
  | { kind: "intricate" };

/** A line that starts with the word, whatever it stands in; U+00A0 is what rich-text paste makes of a space. */
const candidatePattern = /(?<![^\n\r]) {0,3}\/claude(?=[\s:,]|$)/gi;

/** A code span that closes further away than this is taken for text. */
const lookAhead = 4_096;

/** Cheap test for the intake: false means that the body holds no command, true that `parseCommand` has to look. */
export function mayHoldCommand(body: string): boolean {
  return body.search(candidatePattern) !== -1;
}

/** Finds the first line that starts with `/claude` and is shown as plain text: no quote, code, HTML or comment. */
export function findTrigger(body: string): Trigger {
  const ends = [...body.matchAll(candidatePattern)].map((match) => match.index + match[0].length);
  const [first, ...others] = ends;
  if (first === undefined) return { kind: "none" };
  const upToFirst = readOutline(body, first);
  if (upToFirst === null) return { kind: "intricate" };
  if (upToFirst(first)) return { kind: "found", after: first };
  const last = others.at(-1);
  if (last === undefined) return { kind: "none" };
  const upToLast = readOutline(body, last);
  if (upToLast === null) return { kind: "intricate" };
  const live = others.find((end) => upToLast(end));
  return live === undefined ? { kind: "none" } : { kind: "found", after: live };
}

/** Tells of the words that end up to `last` whether they are plain text; null when that would take too long. */
function readOutline(body: string, last: number): ((end: number) => boolean) | null {
  const outline = shortenOutline(body.slice(0, paragraphEnd(body, last)), { maxLines: outlineLines });
  if (outline === null) return null;
  const { text, offsetOf } = outline;
  const tree = parseMarkdown(text, "outline");
  return tree === null ? null : (end) => isPlainText(tree, offsetOf(end - 1));
}

function paragraphEnd(body: string, from: number): number {
  const window = body.slice(from, from + lookAhead);
  const blank = /(?:\r\n|\r|\n)[ \t]*(?=\r|\n|$)/.exec(window);
  return from + (blank?.index ?? window.length);
}

/** Everything else (quotes, code, HTML, what a later parser may add) does not trigger. */
const plain: ReadonlySet<string> = new Set([
  "root",
  "paragraph",
  "heading",
  "list",
  "listItem",
  "text",
] satisfies Nodes["type"][]);

function isPlainText(tree: Root, offset: number): boolean {
  let html = "";
  const visit = (node: Nodes): boolean => {
    if (!plain.has(node.type)) return false;
    if (!("children" in node)) return node.type === "text";
    for (const child of node.children) {
      const { start, end } = span(child);
      if (start > offset) break;
      if (offset < end) return visit(child);
      html += htmlWithin(child);
    }
    return false;
  };
  return visit(tree) && !insideQuotingTag(html);
}

function span(node: Nodes): { start: number; end: number } {
  return {
    start: node.position?.start.offset ?? Number.MAX_SAFE_INTEGER,
    end: node.position?.end.offset ?? 0,
  };
}

function htmlWithin(node: Nodes): string {
  if (node.type === "html") return node.value;
  return "children" in node ? node.children.map(htmlWithin).join("") : "";
}

/** `<blockquote>`, an empty line and Markdown below it are shown as a quote, though the tree has a plain paragraph there. */
function insideQuotingTag(html: string): boolean {
  const open = { blockquote: 0, pre: 0, code: 0, samp: 0 };
  const seen = html.replace(/<!--[\s\S]*?-->/g, "");
  for (const match of seen.matchAll(/<(\/?)(blockquote|pre|code|samp)\b[^>]*>/gi)) {
    const tag = match[2]?.toLowerCase() as keyof typeof open;
    open[tag] = Math.max(0, open[tag] + (match[1] === "/" ? -1 : 1));
  }
  return Object.values(open).some((count) => count > 0);
}
