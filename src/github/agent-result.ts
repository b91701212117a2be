import type { Heading } from "mdast";
import { plainText } from "./plain-text.ts";
import { readContradictions, type NamedContradiction } from "./read-contradictions.ts";
import { readThreadWord, type ThreadWord } from "./read-thread-word.ts";
import { parseMarkdown } from "./parse-markdown.ts";

/** The parts of Claude's result file as it wrote them, safe for nothing yet; null: not there. */
export type AgentResult = {
  title: string | null;
  summary: string | null;
  why: string | null;
  testing: string | null;
  /** What it says of each review thread, one entry a thread. */
  threads: ThreadWord[];
  /** What it wants to know of people. */
  questions: string | null;
  contradictions: NamedContradiction[];
};

type Section = "summary" | "why" | "testing" | "questions" | "contradictions" | `thread ${number}`;

/** A closed section keeps what stands under its own lesser headings. */
type Open = { section: Section; depth: number; closed: boolean };

/** GitHub's ids are far below what a number holds exactly. */
const threadHeading = /^(?:review )?thread\s*#?\s*(\d{1,15})\b/i;

const headings: readonly [Section, RegExp][] = [
  ["questions", /^(?:open )?questions?\b/i],
  ["contradictions", /^contradictions?\b/i],
  ["testing", /\b(test(s|ed|ing)?|verif(y|ied|ication))\b/i],
  ["why", /\b(why|motivation|reason(s|ing)?|background)\b/i],
  ["summary", /\b(summary|what|changes?|description)\b/i],
];

const maxResult = 200_000;

/**
 * Reads `# Title`, `## Summary`, `## Why`, `## How it was tested`, `## Thread <id>`, `## Questions`, `## Contradictions`.
 * Tolerant: a first line that is no heading is the title; text before the first known heading is the summary; unknown
 * headings belong to the section they stand in.
 */
export function parseAgentResult(markdown: string): AgentResult {
  const text = markdown.slice(0, maxResult).replaceAll("\r\n", "\n").trim();
  const title = /^[^\n]*/.exec(text)?.[0] ?? "";
  const body = text.slice(title.length);
  const found = new Map<Section, string[]>();
  let open: Open = { section: "summary", depth: 0, closed: false };
  let start = 0;
  const keep = (end: number): void => {
    const words = body.slice(start, end).trim();
    const isThread = open.section.startsWith("thread ");
    if (words !== "" || isThread) found.set(open.section, [...(found.get(open.section) ?? []), words]);
  };
  for (const node of parseMarkdown(body)?.children ?? []) {
    if (node.type !== "heading") continue;
    const next = sectionOf(node);
    if (next === null || (open.closed && node.depth > open.depth)) continue;
    keep(node.position?.start.offset ?? 0);
    open = { section: next, depth: node.depth, closed: !plainSections.has(next) };
    start = node.position?.end.offset ?? 0;
  }
  keep(body.length);
  const words = (section: Section): string | null => found.get(section)?.join("\n\n") ?? null;
  return {
    title: cleanTitle(title),
    summary: words("summary"),
    why: words("why"),
    testing: words("testing"),
    threads: [...found].flatMap(([section, parts]) =>
      section.startsWith("thread ") ? [readThreadWord(Number(section.slice("thread ".length)), parts)] : [],
    ),
    questions: words("questions"),
    contradictions: readContradictions(words("contradictions")),
  };
}

const plainSections: ReadonlySet<Section> = new Set(["summary", "why", "testing"]);

function sectionOf(node: Heading): Section | null {
  const title = plainText(node).trim();
  const [, id] = threadHeading.exec(title) ?? [];
  if (id !== undefined) return `thread ${Number(id)}`;
  return headings.find(([, pattern]) => pattern.test(title))?.[0] ?? null;
}

function cleanTitle(line: string): string | null {
  const words = line
    .replace(/^\s*#{1,6}\s+/, "")
    .replace(/\s+#+\s*$/, "")
    .replace(/^\**title\**\s*:\**\s*/i, "")
    .replace(/^\*\*(.*)\*\*$/, "$1")
    .trim();
  return words === "" ? null : words;
}
