import { harmlessAlt, type Edit } from "./hidden-parts.ts";

type Span = { start: number; end: number };
type Tag = Span & { name: string; kind: "open" | "close" | "comment"; attributes: string };

/** GitHub shows these tags as text (GFM 6.11), with all that is within. */
const shown = new Set("script style title textarea xmp iframe noembed noframes plaintext".split(" "));
/** What a browser or a filter may not show, with all that is within. */
const unseen = new Set("rp template noscript svg math object video audio select head".split(" "));
const empty = new Set("area base br col embed hr img input link meta source track wbr".split(" "));
/** What breaks the line: its place is taken by a space, so that no words run together. */
const breaking = new Set(
  "br hr p div li ul ol dl dt dd tr td th table thead tbody h1 h2 h3 h4 h5 h6 blockquote pre details summary section center".split(
    " ",
  ),
);

/**
 * Takes HTML away and leaves its text: tags, comments, declarations; elements that are not shown go with their
 * content. `spans` are the ranges that Markdown takes for HTML, in order.
 */
export function findHiddenHtml(source: string, spans: readonly Span[]): Edit[] {
  const tags = spans.toSorted((a, b) => a.start - b.start).flatMap((span) => readTags(source, span));
  const edits: Edit[] = [];
  let end = 0;
  for (const [index, tag] of tags.entries()) {
    if (tag.start < end) continue;
    if (shown.has(tag.name)) continue;
    // Browsers keep the content of a template out of sight to the very end, where it has none of its own.
    const unclosed = tag.name === "template" && tag.kind === "open" ? source.length : null;
    const unseenEnd = isUnseen(tag) ? (endOfElement(tags, index) ?? unclosed) : null;
    end = unseenEnd ?? tag.end;
    if (unseenEnd !== null) {
      edits.push({ start: tag.start, end, text: "", hidden: true });
      continue;
    }
    edits.push({ start: tag.start, end, ...replacement(tag) });
  }
  return edits;
}

/** Comments and declarations first: within them nothing else begins. An end that never comes is the end of the span. */
const token =
  /<!--(?:>|->|[\s\S]*?(?:-->|$(?![\s\S])))|<\?[\s\S]*?(?:\?>|$(?![\s\S]))|<!\[CDATA\[[\s\S]*?(?:\]\]>|$(?![\s\S]))|<![A-Za-z][^>]*>?|<(\/?)([A-Za-z][A-Za-z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>?/g;

function readTags(source: string, span: Span): Tag[] {
  const text = source.slice(span.start, span.end);
  return [...text.matchAll(token)].map((match) => ({
    start: span.start + match.index,
    end: span.start + match.index + match[0].length,
    name: match[2]?.toLowerCase() ?? "",
    kind: match[2] === undefined ? "comment" : match[1] === "/" ? "close" : "open",
    attributes: match[3] ?? "",
  }));
}

function isUnseen({ name, kind, attributes }: Tag): boolean {
  if (kind !== "open" || empty.has(name)) return false;
  return (
    unseen.has(name) ||
    /(?:^|\s)hidden(?:[\s=/]|$)|display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0/i.test(
      attributes,
    )
  );
}

function endOfElement(tags: readonly Tag[], open: number): number | null {
  const { name } = tags[open] ?? { name: "" };
  let depth = 0;
  for (const tag of tags.slice(open)) {
    if (tag.name !== name) continue;
    depth += tag.kind === "open" ? 1 : -1;
    if (depth === 0) return tag.end;
  }
  return null;
}

function replacement({ name, kind, attributes }: Tag): { text: string; hidden: boolean } {
  if (kind === "comment") return { text: "", hidden: true };
  const values = attributes.replaceAll(/\b(?:src|href|srcset)\s*=\s*(?:"[^"]*"|'[^']*'|\S+)/gi, "");
  const hidden = values.length > 2 * harmlessAlt;
  if (name === "img") return { text: "[image]", hidden };
  return { text: breaking.has(name) ? " " : "", hidden };
}
