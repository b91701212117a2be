import type { Edit } from "./hidden-parts.ts";
import { findHiddenReferences } from "./hidden-references.ts";

/** The row that makes a table, of which GitHub hides surplus cells. */
const tableRule = /^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)+$/m;

const markup =
  /<!--[\s\S]*?(?:-->|$(?![\s\S]))|<\?[\s\S]*?(?:\?>|$(?![\s\S]))|<[!/]?[A-Za-z[][^<>]*>|!\[[^\]]*\]|\]\[[^\]]*\]/g;
const fenceInfo = /^([ \t>*+-]*(?:`{3,}|~{3,})[ \t]*[A-Za-z0-9+#._-]{0,20})[^\r\n]*/gm;
const definition = /^[ \t>*+-]*\[[^\]]*\]:/;

/**
 * The same for a text that is too intricate to be parsed (a long log pasted as it is): takes away everything that
 * could be hidden wherever it stands, in code too, and rather too much than too little. Null: a table in it may
 * hide what no search finds.
 */
export function stripBlindly(text: string): { text: string; removed: number } | null {
  if (tableRule.test(text)) return null;
  let removed = 0;
  const drop = (piece: string, kept: string): string => {
    if (piece !== kept) removed++;
    return kept;
  };
  const runs = text.split(/((?:\r\n|\r|\n)[ \t>]*(?=\r|\n))/).map((run) => {
    if (definition.test(run.replace(/^[\r\n]+/, ""))) return drop(run, "");
    // A title may hold brackets: only the last one surely ends the target.
    return run
      .replace(/\]\([\s\S]*\)/, (piece) => drop(piece, "]"))
      .replaceAll(markup, (piece) =>
        drop(piece, piece.startsWith("![") ? "[image]" : piece.startsWith("]") ? "]" : ""),
      )
      .replaceAll(fenceInfo, (piece, kept: string) => drop(piece, kept));
  });
  const seen = runs.join("");
  const edits = findHiddenReferences(seen, []);
  return { text: cutOut(seen, edits), removed: removed + edits.length };
}

function cutOut(text: string, edits: readonly Edit[]): string {
  return edits.reduceRight((left, { start, end }) => left.slice(0, start) + left.slice(end), text);
}
