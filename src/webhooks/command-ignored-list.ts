import { toInlineText } from "../github/inline-text.ts";

export type IgnoredView = { what: string; actorLogin: string; /** In words. */ reason: string; at: Date };

/** The answer to `/claude why`, as Markdown. */
export function renderIgnored(rows: readonly IgnoredView[]): string {
  if (rows.length === 0)
    return (
      "Nothing on this thread was ignored. Only a new comment with `/claude` at the start of a line is a command: " +
      "edited comments, quotes and code blocks never are."
    );
  const lines = rows.map(
    ({ what, actorLogin, reason, at }) =>
      `| ${at.toISOString().slice(0, 16).replace("T", " ")} | ${toInlineText(what, 80)} by ${toInlineText(actorLogin, 60)} | ${toInlineText(reason, 300)} |`,
  );
  return [
    "What started nothing on this thread, newest first:",
    ["| When (UTC) | What | Why |", "| --- | --- | --- |", ...lines].join("\n"),
  ].join("\n\n");
}
