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
  const lines = text.split("\n");
  const left = linesToKeep(text.includes("\r") ? lines.map(withoutReturn) : lines, maxLines);
  if (left.length > maxLines) return null;
  const starts = startsOf(lines);
  const kept = left.map((at) => {
    const [start, end] = [starts[at] ?? 0, starts[at + 1] ?? text.length];
    return { start, end, text: shorten(text.slice(start, end)) };
  });
  const offsetOf = (offset: number): number => {
    const before = kept.findLastIndex(({ start }) => start <= offset);
    const length = kept.slice(0, before).reduce((sum, line) => sum + line.text.length, 0);
    return length + offset - (kept[before]?.start ?? 0);
  };
  return { text: kept.map((line) => line.text).join(""), offsetOf };
}

const longestLine = 80;

function shorten(line: string): string {
  if (line.length <= longestLine) return line;
  const [end] = /\r?\n?$/.exec(line) ?? [""];
  return kindOf(line.slice(0, -end.length || undefined)) === null
    ? line
    : `${line.slice(0, longestLine).trimEnd()}${end}`;
}

function startsOf(lines: readonly string[]): number[] {
  let start = 0;
  return lines.map((line) => {
    start += line.length + 1;
    return start - line.length - 1;
  });
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** Ends with the first line that is too many. */
function linesToKeep(lines: readonly string[], maxLines: number): number[] {
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
    const commands: number[] = [];
    for (let inside = at + 1; inside < end; inside++)
      if (commandLine.test(lines[inside] ?? "")) commands.push(inside);
    const isClosed = end < lines.length - 1;
    // Right behind another one that was closed it changes nothing.
    if (!isClosed || commands.length > 0 || kept.at(-1) !== lastEnd) kept.push(at, ...commands, end);
    lastEnd = kept.at(-1) ?? null;
    at = end;
  }
  return kept;
}

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
