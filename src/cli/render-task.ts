import { formatCount, formatDuration, formatPlural, formatUsd } from "../github/amounts.ts";
import { formatAge } from "./relative-time.ts";
import { renderEvent } from "./render-event.ts";
import { renderTable } from "./render-table.ts";
import type { TaskDetail } from "./task-detail-store.ts";
import { toTerminalBlock, toTerminalJson, toTerminalLine } from "./terminal-text.ts";

/** A task as a person reads it on a terminal, from the outline down to the log. */
export function renderTask(detail: TaskDetail, now: Date): string {
  const { prompt, outcome, receipt, events, steps, todos } = detail;
  const sections = [
    renderFacts(detail, now),
    section("Instruction", toTerminalBlock(detail.task.instruction, "  ")),
    todos.length === 0
      ? ""
      : section(
          "Todo list",
          todos.map(({ text, state }) => `  ${marks[state]} ${toTerminalLine(text)}`).join("\n"),
        ),
    section("Steps", renderSteps(steps, now)),
    section("Prompt", prompt === null ? "  none yet" : toTerminalBlock(prompt, "  ")),
    section(
      `Events (${formatCount(events.length)})`,
      events.length === 0 ? "  none yet" : events.map((event) => renderEvent(event)).join("\n"),
    ),
    section("Outcome", outcome === null ? "  none yet" : toTerminalBlock(toTerminalJson(outcome), "  ")),
    section("Receipt", receipt === null ? "  none yet" : toTerminalBlock(toTerminalJson(receipt), "  ")),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

const marks = { pending: "[ ]", in_progress: "[~]", completed: "[x]" } as const;

const section = (title: string, body: string): string => `${title}\n${body}`;

function renderFacts({ task, session, repository, issueNumber, usage }: TaskDetail, now: Date): string {
  const facts: [string, string][] = [
    ["Task", task.id],
    ["Status", task.status],
    ["Issue", `${repository.owner}/${repository.name}#${issueNumber}`],
    ["Asked by", `${task.requester}, ${formatAge(task.createdAt, now)} (${task.trigger}, ${task.verb})`],
    ["Took", took(task, now)],
    ["Attempts", `${task.fence}, of which ${task.failures} failed`],
    ["Session", `${session.id} (${session.status})`],
    ["Branch", session.branch],
    ["Head", session.headSha ?? "nothing pushed yet"],
    ["Pull request", session.pullNumber === null ? "none yet" : `#${session.pullNumber}`],
    ["Sandbox", session.sandbox === null ? "none" : `${session.sandbox.provider} ${session.sandbox.id}`],
    ["Model calls", renderUsage(usage)],
    ["Cost", `${formatUsd(usage.costMicroUsd)} of ${formatUsd(task.budgetMicroUsd)} allowed`],
  ];
  return facts.map(([name, value]) => `${`${name}:`.padEnd(15)}${toTerminalLine(value)}`).join("\n");
}

function took({ startedAt, durationMs }: TaskDetail["task"], now: Date): string {
  if (startedAt === null) return "not started";
  if (durationMs !== null) return formatDuration(durationMs);
  return `${formatDuration(now.getTime() - startedAt.getTime())} so far`;
}

function renderUsage(usage: TaskDetail["usage"]): string {
  if (usage.calls === 0) return "none";
  const cached = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
  return [
    formatPlural(usage.calls, "call"),
    `${formatCount(usage.inputTokens)} in`,
    `${formatCount(usage.outputTokens)} out`,
    `${formatCount(usage.cacheReadTokens)} from cache`,
    `${formatCount(cached)} into cache`,
    usage.models.map(({ model }) => model).join(" "),
  ].join(", ");
}

function renderSteps(steps: TaskDetail["steps"], now: Date): string {
  if (steps.length === 0) return "  none yet";
  const table = renderTable({
    heading: ["STEP", "STATE", "TRIES", "BEGUN", "TOOK"],
    rows: steps.map(({ name, status, attempt, startedAt, finishedAt }) => [
      name,
      status,
      String(attempt),
      formatAge(startedAt, now),
      finishedAt === null ? "-" : formatDuration(finishedAt.getTime() - startedAt.getTime()),
    ]),
    columns: null,
  });
  return table.trimEnd().replaceAll(/^/gm, "  ");
}
