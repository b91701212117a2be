import { createHash } from "node:crypto";
import { z } from "zod";
import type { ChangedLines } from "../github/pull-diff.ts";

/** One remark of a review, at a line of the diff. */
export type Finding = {
  path: string;
  line: number;
  startLine: number | null;
  side: "LEFT" | "RIGHT";
  body: string;
  /** Names the place by its text, so that a second review of the same line finds it said already. */
  key: string;
};

export type Findings = {
  summary: string;
  /** On lines that the pull request changes. */
  inline: Finding[];
  /** On any other line: they go into the review's own text. */
  elsewhere: { path: string; line: number | null; body: string }[];
};

const result = z.object({
  summary: z.string(),
  comments: z
    .array(
      z.object({
        path: z.string().min(1),
        line: z.int().positive().nullish(),
        start_line: z.int().positive().nullish(),
        side: z.enum(["LEFT", "RIGHT"]).nullish(),
        body: z.string().min(1),
      }),
    )
    .default([]),
});

/** More would bury the reader; the rest is told in the review's own text. */
const maxInline = 50;

/** Reads the agent's review, as its prompt asks for it; null when it is none. */
export function readFindings(text: string, lines: ChangedLines): Findings | null {
  const parsed = result.safeParse(readJson(text));
  if (!parsed.success) return null;
  const findings: Findings = { summary: parsed.data.summary, inline: [], elsewhere: [] };
  const keys = new Set<string>();
  for (const { path, line, start_line, side: given, body } of parsed.data.comments) {
    const side = given ?? "RIGHT";
    const changed = lines.get(path)?.[side];
    const shown = line === null || line === undefined ? undefined : changed?.get(line);
    if (line === null || line === undefined || shown === undefined || findings.inline.length >= maxInline) {
      findings.elsewhere.push({ path, line: line ?? null, body });
      continue;
    }
    const key = findingKey({ path, side, text: shown });
    if (keys.has(key)) {
      const before = findings.inline.find((finding) => finding.key === key);
      if (before !== undefined) before.body += `\n\n${body}`;
      continue;
    }
    keys.add(key);
    const starts = typeof start_line === "number" && start_line < line && changed?.has(start_line) === true;
    findings.inline.push({ path, line, startLine: starts ? start_line : null, side, body, key });
  }
  return findings;
}

function findingKey(place: { path: string; side: string; text: string }): string {
  return createHash("sha256")
    .update([place.path, place.side, place.text.trim()].join("\0"))
    .digest("hex")
    .slice(0, 24);
}

/** A model likes to put a fence around its JSON. */
function readJson(text: string): unknown {
  const from = text.indexOf("{");
  const to = text.lastIndexOf("}");
  if (from === -1 || to < from) return null;
  try {
    return JSON.parse(text.slice(from, to + 1));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
