import type { Heading, Nodes } from "mdast";
import { parseMarkdown } from "./parse-markdown.ts";

/** The parts of Claude's result file as it wrote them, safe for nothing yet; null: not there. */
export type AgentResult = {
  title: string | null;
  summary: string | null;
  why: string | null;
  testing: string | null;
};

type Section = Exclude<keyof AgentResult, "title">;

const headings: readonly [Section, RegExp][] = [
  ["testing", /\b(test(s|ed|ing)?|verif(y|ied|ication))\b/i],
  ["why", /\b(why|motivation|reason(s|ing)?|background)\b/i],
  ["summary", /\b(summary|what|changes?|description)\b/i],
];

const maxResult = 200_000;

/**
 * Reads `# Title`, `## Summary`, `## Why`, `## How it was tested`. Tolerant: a first line that is no heading is the
 * title; text before the first known heading is the summary; unknown headings belong to the section they stand in.
 */
export function parseAgentResult(markdown: string): AgentResult {
  const text = markdown.slice(0, maxResult).replaceAll("\r\n", "\n").trim();
  const title = /^[^\n]*/.exec(text)?.[0] ?? "";
  const found: AgentResult = { title: cleanTitle(title), summary: null, why: null, testing: null };
  const body = text.slice(title.length);
  let section: Section = "summary";
  let start = 0;
  const keep = (end: number): void => {
    const words = body.slice(start, end).trim();
    if (words !== "") found[section] = found[section] === null ? words : `${found[section]}\n\n${words}`;
  };
  for (const node of parseMarkdown(body)?.children ?? []) {
    if (node.type !== "heading") continue;
    const next = sectionOf(node);
    if (next === null) continue;
    keep(node.position?.start.offset ?? 0);
    section = next;
    start = node.position?.end.offset ?? 0;
  }
  keep(body.length);
  return found;
}

function sectionOf(node: Heading): Section | null {
  const title = plain(node).trim();
  return headings.find(([, pattern]) => pattern.test(title))?.[0] ?? null;
}

function plain(node: Nodes): string {
  if ("value" in node) return node.type === "html" ? "" : node.value;
  return "children" in node ? node.children.map(plain).join("") : "";
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
