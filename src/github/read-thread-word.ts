/** What an agent says of a review thread, safe for nothing yet. */
export type ThreadWord = {
  /** Its first comment. */
  commentId: number;
  /** Null: its section does not begin with one of the three, or says two different things. */
  verdict: ThreadVerdict | null;
  /** What stands beside the verdict: the reason, the question, a remark. */
  text: string;
};
export type ThreadVerdict = "done" | "not-done" | "question";

/** The verdict stands first, alone or before a colon, a dash or a full stop, perhaps as bold text, code or a list item. */
const verdictLine =
  /^(?:[-*]\s+)?(?<open>[*_`]{0,3})(?<verdict>not[ -]done|done|question)(?:[*_`]{0,3})\s*(?:[:.,–—-]\s*|$)(?:[*_`]{0,3}(?=\s|$))?/i;

/** Reads the sections about one thread, of which there should be one. */
export function readThreadWord(commentId: number, sections: readonly string[]): ThreadWord {
  const read = sections.map(readSection);
  const verdicts = new Set(read.map(({ verdict }) => verdict));
  return {
    commentId,
    verdict: verdicts.size === 1 ? (read[0]?.verdict ?? null) : null,
    text: read
      .map(({ text }) => text)
      .filter((text) => text !== "")
      .join("\n\n"),
  };
}

function readSection(section: string): { verdict: ThreadVerdict | null; text: string } {
  const [first = "", ...rest] = section.split("\n");
  const match = verdictLine.exec(first);
  const said = match?.groups?.["verdict"]?.toLowerCase();
  if (match === null || said === undefined) return { verdict: null, text: section };
  const verdict = said === "done" ? "done" : said === "question" ? "question" : "not-done";
  return { verdict, text: [first.slice(match[0].length), ...rest].join("\n").trim() };
}
