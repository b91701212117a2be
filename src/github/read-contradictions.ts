import { parseMarkdown } from "./parse-markdown.ts";

/** Remarks that ask for opposite things, as an agent tells it; safe for nothing yet. */
export type NamedContradiction = { threadIds: number[]; text: string };

/** One for each item of the section's lists; without a list the whole section is one. */
export function readContradictions(section: string | null): NamedContradiction[] {
  if (section === null) return [];
  const items = (parseMarkdown(section)?.children ?? []).flatMap((block) =>
    block.type === "list" ? block.children : [],
  );
  const texts = items.flatMap(({ children }) => {
    const [from, to] = [children[0]?.position?.start.offset, children.at(-1)?.position?.end.offset];
    return from === undefined || to === undefined ? [] : [section.slice(from, to)];
  });
  return (texts.length === 0 ? [section] : texts).map((text) => ({ text, threadIds: threadIdsIn(text) }));
}

function threadIdsIn(text: string): number[] {
  const ids = [...text.matchAll(/\bthreads?\s*#?\s*(\d{1,15}(?:\s*(?:,|and|&)\s*#?\d{1,15})*)/gi)];
  const numbers = ids.flatMap(([, list = ""]) => [...list.matchAll(/\d+/g)].map(([id]) => Number(id)));
  return [...new Set(numbers)];
}
