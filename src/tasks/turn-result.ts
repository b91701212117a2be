import type { Deps } from "../deps.ts";
import { parseAgentResult } from "../github/agent-result.ts";
import type { PublicMarkdown } from "../github/inline-text.ts";
import { toPublicMarkdown } from "../github/outgoing-text.ts";
import type { PullRequestSections } from "../github/pull-request-text.ts";
import type { AgentRun } from "../sessions/run-agent.ts";

/** What the agent says of its work; all but the title is fit to be shown. */
export type TurnResult = {
  title: string | null;
  sections: PullRequestSections;
  /** For the status comment: the summary, else its last words. */
  text: PublicMarkdown | null;
};

/** Reads the agent's result file, else its last words. All of it is foreign text and cleaned as such. */
export function readTurnResult(
  { config, redact }: Pick<Deps, "config" | "redact">,
  run: AgentRun,
): TurnResult {
  const lastWords = run.outcome.kind === "finished" ? run.outcome.text : "";
  const allowedHosts = [new URL(config.github.serverUrl).host];
  const clean = (text: string | null): PublicMarkdown | null =>
    text === null || text.trim() === "" ? null : toPublicMarkdown(text, { allowedHosts, redact });
  if (run.resultText === null) {
    const text = clean(lastWords);
    return { title: null, sections: { summary: text, why: null, testing: null }, text };
  }
  const { title, summary, why, testing } = parseAgentResult(run.resultText);
  const sections = { summary: clean(summary), why: clean(why), testing: clean(testing) };
  return { title, sections, text: sections.summary ?? clean(lastWords) };
}
