import type { Heading, Nodes } from "mdast";
import { parseMarkdown } from "./parse-markdown.ts";
import type { PullRequestSections } from "./pull-request-text.ts";

type SectionName = keyof PullRequestSections;
type Part = { heading: string; section: SectionName | null; content: string };

/** Which heading of a template takes which of our sections, the first that fits. */
const headings: readonly [SectionName, RegExp][] = [
  ["testing", /\b(test(s|ed|ing)?|verif(y|ied|ication)|qa)\b/i],
  ["why", /\b(why|motivation|context|background|reason(s|ing)?|rationale)\b/i],
  ["summary", /\b(summary|descri(be|ption)|what|changes?|overview|proposed|details)\b/i],
];

/** Headings about something else that use the same words. */
const foreign = /\b(type|kind|breaking|checklist|related|linked|screenshots?|change\s?log)\b/i;

/**
 * The template with our sections under its headings: instructions in comments go, check-boxes and unknown
 * headings stay; what finds no heading stands above. `closes` says that the template's own "Closes #" was filled.
 */
export function fillTemplate(
  template: string,
  input: { sections: PullRequestSections; issueNumber: number },
): { body: string; closes: boolean } {
  const parts = splitAtHeadings(template.slice(0, 20_000).replaceAll("\r\n", "\n"));
  const homes = new Set(parts.map((part) => part.section));
  const homeless = sectionNames.filter((name) => !homes.has(name) && input.sections[name] !== null);
  const withTitle = (name: SectionName): string[] => [`**${titles[name]}**`, input.sections[name] ?? ""];
  const written = parts.flatMap((part) => {
    const text = part.section === null ? null : input.sections[part.section];
    if (text === null) return [part.heading, part.content];
    const guests = part.section === "summary" ? homeless.flatMap(withTitle) : [];
    return [part.heading, text, ...guests, withoutInstructions(part.content)];
  });
  const above = homes.has("summary") && input.sections.summary !== null ? [] : homeless.flatMap(withTitle);
  const blocks = [...above, ...written].map((block) => block.trim()).filter((block) => block !== "");
  return closeIssue(blocks.join("\n\n"), input.issueNumber);
}

const sectionNames = ["summary", "why", "testing"] as const satisfies readonly SectionName[];
const titles: Record<SectionName, string> = { summary: "Summary", why: "Why", testing: "How it was tested" };

function splitAtHeadings(template: string): Part[] {
  const found = (parseMarkdown(template)?.children ?? []).filter((node) => node.type === "heading");
  const starts = found.map((node) => ({ node, start: offset(node, "start"), end: offset(node, "end") }));
  const parts: Part[] = [{ heading: "", section: null, content: template.slice(0, starts[0]?.start) }];
  const taken = new Set<SectionName>();
  for (const [index, { node, start, end }] of starts.entries()) {
    const section = sectionOf(node, taken);
    if (section !== null) taken.add(section);
    parts.push({
      heading: template.slice(start, end),
      section,
      content: template.slice(end, starts[index + 1]?.start),
    });
  }
  return parts;
}

function sectionOf(node: Heading, taken: ReadonlySet<SectionName>): SectionName | null {
  const title = plain(node);
  if (foreign.test(title)) return null;
  return headings.find(([name, pattern]) => !taken.has(name) && pattern.test(title))?.[0] ?? null;
}

function plain(node: Nodes): string {
  if (node.type === "html") return "";
  if ("value" in node) return node.value;
  return "children" in node ? node.children.map(plain).join("") : "";
}

function offset(node: Nodes, side: "start" | "end"): number {
  return node.position?.[side].offset ?? 0;
}

function withoutComments(content: string): string {
  return content.replaceAll(/<!--[\s\S]*?-->/g, "").replaceAll(/\n{3,}/g, "\n\n");
}

/** "Please describe …" has been followed; lists and what closes the issue stay. */
function withoutInstructions(content: string): string {
  const nodes = parseMarkdown(content)?.children ?? [];
  const kept = nodes
    .filter((node) => node.type !== "html" && (node.type !== "paragraph" || closeLine.test(plain(node))))
    .map((node) => withoutComments(content.slice(offset(node, "start"), offset(node, "end"))));
  return kept.join("\n\n");
}

const closeLine =
  /\b(closes?|fix(?:es)?|resolves?):?[ \t]+#(?!\d)(?:[ \t]*\((?:issue|number)[^)\n]{0,20}\))?/i;

function closeIssue(body: string, issueNumber: number): { body: string; closes: boolean } {
  const visible = withoutComments(body);
  if (!closeLine.test(visible)) return { body, closes: false };
  return { body: visible.replace(closeLine, `Closes #${issueNumber}`).trim(), closes: true };
}
