/** A line that is text in whatever it stands, so that a third like it, right behind, and its length change nothing. */
const textLine = /^( *)(?!\d{1,9}[.)](?:[ \t]|$)|\/claude)[^\s<>`~#*+=_-][^<>`]*$/iu;
const blankLine = /^[ \t]*$/;
const commandLine = /^ {0,3}\/claude/i;
const fence = /^(?:(`{3,})[^`]*|(~{3,}).*)$/;
const closing = /^ {0,3}(`+|~+)[ \t]*$/;

/**
 * Leaves out what cannot change whether a line that begins with `/claude` is plain text, so that a long log or mail takes none
 * of the parser's time: of lines of text with the same indentation, and of paragraphs of one line, all but two; and what is
 * fenced where nothing but text came before. `offsetOf`: where a place in a line that is left has come to. null: more than
 * `maxLines` are left.
 */
export function shortenOutline(
  text: string,
  { maxLines }: { maxLines: number },
): { text: string; offsetOf: (offset: number) => number } | null {
  // A line ending of old Macintoshes, which nobody writes any more.
  if (/\r(?!\n)/.test(text)) return { text, offsetOf: (offset) => offset };
  const lines = splitLines(text);
  const left = linesToKeep(lines, maxLines);
  if (left.length > maxLines) return null;
  const kept = new Map(left.map((at) => [at, shorten(lines[at] ?? "")]));
  const offsetOf = (offset: number): number => {
    let [end, gone] = [0, 0];
    for (const [at, line] of lines.entries()) {
      end += line.length;
      if (end > offset) break;
      gone += line.length - (kept.get(at)?.length ?? 0);
    }
    return offset - gone;
  };
  return { text: [...kept.values()].join(""), offsetOf };
}

const longestLine = 80;

function shorten(line: string): string {
  if (line.length <= longestLine || kindOf(withoutEnd(line)) === null) return line;
  return `${line.slice(0, longestLine).trimEnd()}${/\r?\n?$/.exec(line)?.[0] ?? ""}`;
}

/** Each with its end; by hand, because of tens of thousands a regular expression takes longer than everything else here. */
function splitLines(text: string): string[] {
  const lines: string[] = [];
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from) + 1 || text.length;
    lines.push(text.slice(from, end));
    from = end;
  }
  return lines;
}

function withoutEnd(line: string): string {
  if (!line.endsWith("\n")) return line;
  return line.slice(0, line.endsWith("\r\n") ? -2 : -1);
}

/** Ends with the first line that is too many. */
function linesToKeep(text: readonly string[], maxLines: number): number[] {
  const lines = text.map(withoutEnd);
  const known: (string | null)[] = [];
  const kindAt = (at: number): string | null => {
    const line = lines[at];
    if (line === undefined) return null;
    return known[at] === undefined ? (known[at] = kindOf(line)) : known[at];
  };
  const kept: number[] = [];
  const last = (back: number) => kindAt(kept.at(-back) ?? -1);
  let onlyText = true;
  let lastEnd: number | null = null;
  for (let at = 0; at < lines.length && kept.length <= maxLines; at++) {
    const kind = kindAt(at);
    if (kind !== null && kind === last(1) && kind === last(2)) continue;
    const isParagraph = kind !== null && kindAt(at + 1) === "" && last(1) === "" && last(3) === "";
    if (isParagraph && kind === last(2) && kind === last(4)) {
      at++;
      continue;
    }
    const end = onlyText && kind === null ? fenceEnd(lines, at) : null;
    if (end === null) {
      kept.push(at);
      if (kind === null) onlyText &&= commandLine.test(lines[at] ?? "");
      continue;
    }
    const commands = range(at + 1, end).filter((inside) => commandLine.test(lines[inside] ?? ""));
    const isClosed = end < lines.length - 1;
    // Right behind another one that was closed it changes nothing.
    if (!isClosed || commands.length > 0 || kept.at(-1) !== lastEnd) kept.push(at, ...commands, end);
    lastEnd = kept.at(-1) ?? null;
    at = end;
  }
  return kept;
}

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);

/** The characters that `textLine` does not begin with, seen before it, because it takes longer. */
const opening: ReadonlySet<string> = new Set("<>`~#*+=_-");

/** "" for an empty line, null for one that may begin or end something. */
function kindOf(line: string): string | null {
  if (line === "" || blankLine.test(line)) return "";
  if (opening.has(line.charAt(0))) return null;
  const indentation = textLine.exec(line)?.[1];
  return indentation === undefined ? null : `text ${indentation.length}`;
}

const mayClose: ReadonlySet<string | undefined> = new Set(" `~");

/** The line that ends what is fenced from `at` on, or the last one; null: no fence begins there. */
function fenceEnd(lines: readonly string[], at: number): number | null {
  const [, ticks, tildes] = fence.exec(lines[at] ?? "") ?? [];
  const mark = ticks ?? tildes;
  if (mark === undefined) return null;
  for (let end = at + 1; end < lines.length; end++)
    if (mayClose.has(lines[end]?.charAt(0)) && closing.exec(lines[end] ?? "")?.[1]?.startsWith(mark) === true)
      return end;
  return lines.length - 1;
}
