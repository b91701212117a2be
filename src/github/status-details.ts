import { formatPlural } from "./amounts.ts";
import { renderSkippedAttachments } from "./attachments-notice.ts";
import { renderFolded } from "./folded-text.ts";
import { toInlineCode, toInlineText } from "./inline-text.ts";
import type { StatusNotices, StatusView } from "./status-comment.ts";

const maxTodos = 30;

/** Claude's own todo list: open while it works, folded at the end. */
export function renderTodos({ todos, phase }: StatusView, options: { full: boolean }): string {
  if (todos.length === 0 || phase.kind === "queued" || phase.kind === "refused") return "";
  const live = phase.kind === "running" || phase.kind === "starting";
  const shown = todos.slice(0, maxTodos).map(({ text, state }) => {
    const line = toInlineText(text);
    const now = live && state === "in_progress";
    return `- [${state === "completed" ? "x" : " "}] ${now ? `**${line}** …` : line}`;
  });
  if (todos.length > maxTodos) shown.push(`- and ${formatPlural(todos.length - maxTodos, "more step")}`);
  const list = shown.join("\n");
  if (live || phase.kind === "waiting") return list;
  const done = todos.filter((todo) => todo.state === "completed").length;
  return options.full
    ? `<details><summary>Steps: ${done} of ${todos.length} done</summary>\n\n${list}\n\n</details>`
    : "";
}

/** One line for everything that was not as the person might think. */
export function renderNotices(notices: StatusNotices): string {
  const { hiddenPieces, leftOutComments, leftOutFiles } = notices;
  const lines: string[] = [];
  if (notices.rebuilt === "whole")
    lines.push("The sandbox had to be rebuilt from its last checkpoint; nothing was lost.");
  if (notices.rebuilt === "partly")
    lines.push(
      "The sandbox had to be rebuilt; what an interrupted turn had changed and not yet handed in was lost.",
    );
  if (notices.setup !== null)
    lines.push(
      `The repository's setup failed, and Claude worked without it: ${toInlineCode(notices.setup.command)} ${toInlineText(notices.setup.ended)}.`,
    );
  if (notices.settings.length > 0) {
    lines.push("The settings files are not as they should be:");
    lines.push(
      ...notices.settings
        .slice(0, 10)
        .map(({ line, message }) => `- ${line === null ? "" : `line ${line}: `}${toInlineText(message)}`),
    );
  }
  if (hiddenPieces > 0)
    lines.push(
      `${formatPlural(hiddenPieces, "piece")} of hidden text in the input ${hiddenPieces === 1 ? "was" : "were"} not given to Claude.`,
    );
  if (leftOutComments > 0)
    lines.push(
      `${formatPlural(leftOutComments, "comment")} by people without write access ${leftOutComments === 1 ? "was" : "were"} left out.`,
    );
  if (notices.steered > 0)
    lines.push(
      `${formatPlural(notices.steered, "comment")} ${notices.steered === 1 ? "was" : "were"} handed to the running turn.`,
    );
  lines.push(...notices.remarks);
  lines.push(...renderSkippedAttachments(notices.skippedAttachments));
  if (leftOutFiles.length > 0) {
    lines.push(
      `${formatPlural(leftOutFiles.length, "changed file")} ${leftOutFiles.length === 1 ? "was" : "were"} left out of the push:`,
    );
    lines.push(
      ...leftOutFiles
        .slice(0, 20)
        .map((file) => `- ${toInlineCode(file.path)}: ${toInlineText(file.reason)}`),
    );
  }
  return lines.length === 0
    ? ""
    : lines
        .map((line) => `> ${line}`)
        .join("\n>\n")
        .replaceAll(/\n>\n(?=> - )/g, "\n");
}

const maxPatch = 20_000;

export function renderPatch({ leftOutPatch }: StatusNotices): string {
  if (leftOutPatch === null) return "";
  if (leftOutPatch.length > maxPatch) return "The patch of the files left out is too long for a comment.";
  return renderFolded("The files left out, as a patch for <code>git apply</code>", "diff", leftOutPatch);
}

export function renderSetupTail({ setup }: StatusNotices): string {
  return setup === null || setup.tail === ""
    ? ""
    : renderFolded("The end of the setup's output", "text", setup.tail);
}

export function renderFoot({ phase, requester, links }: StatusView): string {
  const parts = [
    phase.kind === "answered" ? "" : `Asked for by ${toInlineText(requester, 60)}`,
    ...links.map(
      ({ label, url }) => `[${toInlineText(label, 60)}](<${encodeURI(url).replaceAll(/[<>]/g, "")}>)`,
    ),
    phase.kind === "queued" || phase.kind === "starting" || phase.kind === "running"
      ? "`/claude stop` ends it"
      : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : `<sub>${parts.join(" · ")}</sub>`;
}
