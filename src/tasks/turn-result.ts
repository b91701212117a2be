import type { Deps } from "../deps.ts";
import { parseAgentResult } from "../github/agent-result.ts";
import type { PublicMarkdown } from "../github/inline-text.ts";
import { toPublicMarkdown } from "../github/outgoing-text.ts";
import { toPlainTitle } from "../github/plain-title.ts";
import type { PullRequestSections } from "../github/pull-request-text.ts";
import type { ThreadVerdict } from "../github/read-thread-word.ts";
import type { AgentRun } from "../sessions/run-agent.ts";

/** What the agent says of a review thread. */
export type TurnThread = {
  /** The thread's first comment, as the agent names it: perhaps one that does not exist. */
  commentId: number;
  verdict: ThreadVerdict | null;
  text: PublicMarkdown | null;
};

/** Remarks that ask for opposite things; the ids are the agent's, perhaps of threads that do not exist. */
export type TurnContradiction = { threadIds: number[]; text: PublicMarkdown };

/** What the agent says of its work, fit to be shown. */
export type TurnResult = {
  /** Plain text. */
  title: string | null;
  sections: PullRequestSections;
  /** For the status comment: the summary, else its last words. */
  text: PublicMarkdown | null;
  threads: TurnThread[];
  questions: PublicMarkdown | null;
  contradictions: TurnContradiction[];
};

/** Bytes; a comment takes 65,536 characters, and all that is asked stands in one. */
const maxBytes = { thread: 8_000, question: 1_200, questions: 12_000, contradiction: 1_500 } as const;
const maxContradictions = 10;

/** Reads the agent's result file, else its last words. All of it is foreign text and cleaned as such. */
export function readTurnResult(
  { config, redact }: Pick<Deps, "config" | "redact">,
  run: Pick<AgentRun, "outcome" | "resultText">,
): TurnResult {
  const lastWords = run.outcome.kind === "finished" ? run.outcome.text : "";
  const allowedHosts = [new URL(config.github.serverUrl).host];
  const clean = (text: string | null, limit?: number): PublicMarkdown | null =>
    text === null || text.trim() === ""
      ? null
      : toPublicMarkdown(text, {
          allowedHosts,
          redact,
          ...(limit === undefined ? {} : { maxBytes: limit }),
        });
  const nothingAsked = { threads: [], questions: null, contradictions: [] };
  if (run.resultText === null) {
    const text = clean(lastWords);
    return { title: null, sections: { summary: text, why: null, testing: null }, text, ...nothingAsked };
  }
  const { title, summary, why, testing, ...rest } = parseAgentResult(run.resultText);
  const sections = { summary: clean(summary), why: clean(why), testing: clean(testing) };
  return {
    title: title === null ? null : toPlainTitle(title, redact),
    sections,
    text: sections.summary ?? clean(lastWords),
    threads: rest.threads.map((word) => ({
      ...word,
      text: clean(word.text, word.verdict === "question" ? maxBytes.question : maxBytes.thread),
    })),
    questions: clean(rest.questions, maxBytes.questions),
    contradictions: rest.contradictions.slice(0, maxContradictions).flatMap(({ threadIds, text }) => {
      const words = clean(text, maxBytes.contradiction);
      return words === null ? [] : [{ threadIds, text: words }];
    }),
  };
}
