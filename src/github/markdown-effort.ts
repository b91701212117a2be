/**
 * What the parser takes more than its share of time for, as measured on 64 KB texts; with these limits the worst of
 * them takes some 300 ms. Ordinary texts (long logs, big tables, JSON) stay far below.
 */
const fullLimits = {
  characters: 300_000,
  lines: 6_000,
  /** Quotes and list items in one line, and in all. */
  depth: 16,
  containers: 2_000,
  /** Lines of dashes or equals signs under a text: quadratic in their number. */
  underlines: 1_000,
  cells: 12_000,
  ticks: 6_000,
  openBrackets: 500,
  brackets: 3_000,
  /** Brackets, stars, underscores, tildes in one run of lines. */
  marks: 8_000,
  /** Steps back to the beginning of a bracket or an emphasis, summed over one run of lines. */
  steps: 2_000_000,
};

/** Lines that are read of what is only to be found plain or quoted. */
export const outlineLines = 320;

/** Of that, at every delivery: 5 ms for the worst (node bench/context.ts). */
const outlineLimits = {
  ...fullLimits,
  characters: 12_000,
  lines: outlineLines,
  containers: 400,
  ticks: 1_000,
};

/** Whether parsing would take time out of proportion; `inline` false: brackets and emphasis are not looked at. */
export function isIntricate(text: string, options: { inline: boolean }): boolean {
  const limits = options.inline ? fullLimits : outlineLimits;
  if (text.length > limits.characters) return true;
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.length > limits.lines) return true;
  let containers = 0;
  let underlines = 0;
  let cells = 0;
  let run = startRun();
  for (const line of lines) {
    const depth = countContainers(line);
    // A list within a list is known by its indentation.
    containers += depth === 0 ? 0 : depth + line.search(/\S/) / (options.inline ? 4 : 2);
    underlines += /^[ \t>]*(?:=+|-+)[ \t]*$/.test(line) ? 1 : 0;
    if (line.trim() === "") run = startRun();
    else cells += follow(run, line, options);
    if (depth > limits.depth || containers > limits.containers || underlines > limits.underlines) return true;
    if (cells > limits.cells || run.open.length > limits.openBrackets) return true;
    if (
      run.marks > limits.marks ||
      run.brackets > limits.brackets ||
      run.ticks > limits.ticks ||
      run.steps > limits.steps
    )
      return true;
  }
  return false;
}

const container = /[ \t]*(?:>|[-+*](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$))/y;

function countContainers(line: string): number {
  let depth = 0;
  container.lastIndex = 0;
  while (depth <= fullLimits.depth && container.test(line)) depth++;
  return depth;
}

/** Lines without an empty one between them may be one paragraph, in which everything is compared with everything. */
type Run = {
  at: number;
  marks: number;
  ticks: number;
  steps: number;
  brackets: number;
  open: number[];
  emphasis: Map<string, number[]>;
};

const startRun = (): Run => ({
  at: 0,
  marks: 0,
  ticks: 0,
  steps: 0,
  brackets: 0,
  open: [],
  emphasis: new Map(),
});

const special = /[[\]*_~`|<>&\\]/g;

/** Does the parser's walks back on paper; answers how many table cells the line may have. */
function follow(run: Run, line: string, options: { inline: boolean }): number {
  let cells = 0;
  for (const match of line.matchAll(special)) {
    run.at++;
    const [character] = match;
    if (character === "|") cells++;
    else if (character === "`") run.ticks++;
    if (!options.inline) continue;
    if ("[]*_~".includes(character)) run.marks++;
    if (character === "[" || character === "]") run.brackets++;
    if (character === "[") run.open.push(run.at);
    else if (character === "]") run.steps += run.at - (run.open.pop() ?? 0);
    else if (character === "*" || character === "_" || character === "~")
      followEmphasis(run, character, line, match.index);
  }
  return cells;
}

function followEmphasis(run: Run, character: string, line: string, at: number): void {
  const before = /\s/.test(line[at - 1] ?? " ");
  const after = /\s/.test(line[at + 1] ?? " ");
  const withinWord = character === "_" && isWord(line[at - 1]) && isWord(line[at + 1]);
  if (withinWord || (before && after)) return;
  const open = run.emphasis.get(character) ?? [];
  if (!before) run.steps += run.at - (open.pop() ?? 0);
  if (!after) open.push(run.at);
  run.emphasis.set(character, open);
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}]/u.test(character);
}
