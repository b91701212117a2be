import { renderFolded } from "./folded-text.ts";
import type { PublicMarkdown } from "./inline-text.ts";
import { hasPassed, renderCheck, type ServerCheck } from "./server-check.ts";

/** For a pull request: what the server ran after the turn and how it went, with the end of a failure's output; null: nothing was run. */
export function renderTestEvidence(checks: readonly ServerCheck[]): PublicMarkdown | null {
  if (checks.length === 0) return null;
  const rows = checks.map((check) => `- ${renderCheck(check)}`).join("\n");
  const told = checks.find((check) => !hasPassed(check) && check.tail !== "");
  const tail = told === undefined ? [] : [renderFolded("The end of its output", "text", told.tail)];
  return ["The server ran after the turn:", rows, ...tail].join("\n\n") as PublicMarkdown;
}
