import type { Root } from "mdast";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import { unified } from "unified";

const full = unified().use(remarkParse).use(remarkGfm).freeze();

/** Only what decides whether a line is shown as plain text: containers, code and HTML. */
const outline = unified()
  .use(remarkParse)
  .data("micromarkExtensions", [
    {
      disable: {
        null: [
          "attention",
          "autolink",
          "characterEscape",
          "characterReference",
          "definition",
          "hardBreakEscape",
          "labelEnd",
          "labelStartImage",
          "labelStartLink",
        ],
      },
    },
  ])
  .freeze();

/**
 * The tree of a GitHub comment, with offsets into `text`; null when the text is so intricate that parsing it
 * would take time out of proportion (the parser is quadratic in nesting, brackets and emphasis: measured).
 * `outline` leaves links, emphasis and definitions as text and is some three times faster.
 */
export function parseMarkdown(text: string, mode: "full" | "outline" = "full"): Root | null {
  if (isIntricate(text, mode)) return null;
  // The parser swallows a byte order mark and counts offsets from behind it.
  const source = text.startsWith("\uFEFF") ? ` ${text.slice(1)}` : text;
  return mode === "full" ? full.parse(source) : outline.parse(source);
}

const limits = {
  characters: 300_000,
  containersPerLine: 16,
  containers: 2_000,
  blocks: 8_000,
  /** Within one run of lines without an empty one between them. */
  brackets: 1_500,
  emphasis: 1_500,
  ticks: 6_000,
};

const container = /[ \t]*(?:>|[-+*](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$))/y;

function isIntricate(text: string, mode: "full" | "outline"): boolean {
  if (text.length > limits.characters) return true;
  let containers = 0;
  let blocks = 0;
  let run = { brackets: 0, emphasis: 0, ticks: 0 };
  for (const line of text.split(/\r\n|\r|\n/)) {
    const depth = countContainers(line);
    containers += depth;
    if (depth > limits.containersPerLine || containers > limits.containers) return true;
    if (line.trim() === "") {
      blocks++;
      run = { brackets: 0, emphasis: 0, ticks: 0 };
      continue;
    }
    countInline(line, run);
    if (run.ticks > limits.ticks || blocks > limits.blocks) return true;
    if (mode === "full" && (run.brackets > limits.brackets || run.emphasis > limits.emphasis)) return true;
  }
  return false;
}

function countContainers(line: string): number {
  let depth = 0;
  container.lastIndex = 0;
  while (container.test(line)) depth++;
  return depth;
}

function countInline(line: string, run: { brackets: number; emphasis: number; ticks: number }): void {
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (character === "[" || character === "]") run.brackets++;
    else if (character === "*" || character === "_" || character === "~") run.emphasis++;
    else if (character === "`") run.ticks++;
  }
}
