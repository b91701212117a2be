import type { Nodes, Root } from "mdast";
import { parseMarkdown } from "../github/parse-markdown.ts";
import { stripInvisible } from "../github/strip-invisible.ts";
import { stripBlindly } from "./strip-blindly.ts";
import { findHiddenParts, type Edit } from "./hidden-parts.ts";

export type VisibleText = {
  text: string;
  /** Pieces that nobody could see rendered and that are gone. */
  removed: number;
};

/** One removal may put together the next (`<!<!-- a -->-- b -->`); nobody nests that deep in good faith. */
const maxRounds = 8;

const leftOut = "[text left out: its formatting is too intricate to be checked for hidden parts]";

/**
 * A comment's Markdown with exactly what a person sees of it rendered on GitHub: comments, HTML tags, titles,
 * alternative texts, unused definitions, cells outside their table and invisible characters go. Text without
 * any of them comes back byte for byte (but in Unicode's composed form, NFC, outside code). A fixed point:
 * cleaning the result again changes nothing.
 */
export function toVisibleText(markdown: string): VisibleText {
  let text = markdown;
  let removed = 0;
  for (let round = 0; round < maxRounds; round++) {
    const seen = stripInvisible(text);
    const tree = parseMarkdown(seen.text);
    if (tree === null) {
      const blind = stripBlindly(seen.text);
      if (blind === null) break;
      removed += seen.removed + blind.removed;
      if (blind.text === text) return { text, removed };
      text = blind.text;
      continue;
    }
    const composed = compose(seen.text, tree);
    removed += seen.removed;
    if (composed !== seen.text) {
      text = composed;
      continue;
    }
    const edits = findHiddenParts(seen.text, tree);
    const next = apply(seen.text, edits);
    removed += next.removed;
    if (next.text === text) return { text, removed };
    text = next.text;
  }
  return { text: leftOut, removed: removed + 1 };
}

function apply(text: string, edits: readonly Edit[]): VisibleText {
  const ordered = edits.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const parts: string[] = [];
  let end = 0;
  let removed = 0;
  for (const edit of ordered) {
    // Within or across one that is already done: the next round sees what is left.
    if (edit.start < end || text.slice(edit.start, edit.end) === edit.text) continue;
    parts.push(text.slice(end, edit.start), edit.text);
    end = edit.end;
    removed += edit.hidden ? 1 : 0;
  }
  parts.push(text.slice(end));
  return { text: parts.join(""), removed };
}

/** Code keeps its bytes: what it spells may be a file's name. */
function compose(text: string, tree: Root): string {
  if (text.normalize() === text) return text;
  let composed = "";
  let end = 0;
  const visit = (node: Nodes): void => {
    if (node.type === "code" || node.type === "inlineCode") {
      const from = node.position?.start.offset ?? end;
      const to = node.position?.end.offset ?? end;
      composed += text.slice(end, from).normalize() + text.slice(from, to);
      end = to;
    } else if ("children" in node) node.children.forEach(visit);
  };
  visit(tree);
  return composed + text.slice(end).normalize();
}
