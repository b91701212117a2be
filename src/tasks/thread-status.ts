import type { TaskOptions, TaskQuestion } from "../../db/schema.ts";
import { formatDuration, formatOrdinal, formatPlural, formatUsd } from "../github/amounts.ts";
import { formatAgo } from "../github/format-ago.ts";
import { formatEstimate } from "../github/format-estimate.ts";
import { toInlineCode, toInlineText } from "../github/inline-text.ts";
import type { Outcome } from "./outcome.ts";
import type { Place } from "./place-store.ts";
import { placeInLine, whyItWaits } from "./queue-words.ts";

/** What `/claude status` tells of a thread. */
export type ThreadStatus = {
  /** Oldest first. */
  open: readonly OpenTask[];
  /** Null: nothing was ever asked here, or something is open. */
  last: {
    verb: string;
    instruction: string;
    requester: string;
    outcome: Outcome["kind"];
    agoMs: number;
    costMicroUsd: number;
  } | null;
  /** Amounts of money may be named. */
  amounts: boolean;
  session: {
    branch: string;
    headSha: string | null;
    pullNumber: number | null;
    sandbox: { provider: string; status: "running" | "paused" | "ending" | "ended" } | null;
    autofix: boolean | null;
  } | null;
};

export type OpenTask = {
  verb: string;
  instruction: string;
  requester: string;
  options: TaskOptions;
  state:
    | { kind: "queued"; place: Place }
    | { kind: "running"; forMs: number; stepsDone: number; steps: number; stopping: boolean }
    | { kind: "waiting"; question: TaskQuestion["kind"]; forMs: number };
  costMicroUsd: number;
  budgetMicroUsd: number;
};

/** The answer to `/claude status`, as Markdown. */
export function renderThreadStatus({ open, last, session, amounts }: ThreadStatus): string {
  const blocks = [];
  if (open.length > 0) {
    const rows = open.map(
      (task) =>
        `| ${nameOf(task)} | ${stateOf(task)} |${amounts ? ` ${formatUsd(task.costMicroUsd)} of ${formatUsd(task.budgetMicroUsd)} |` : ""}`,
    );
    const head = amounts
      ? ["| Task | State | Cost |", "| --- | --- | --- |"]
      : ["| Task | State |", "| --- | --- |"];
    blocks.push([...head, ...rows].join("\n"));
  } else if (last === null) {
    blocks.push("Nothing has been asked for here yet. `/claude help` lists what you can ask for.");
  } else {
    const cost = amounts && last.costMicroUsd > 0 ? ` and cost ${formatUsd(last.costMicroUsd)}` : "";
    blocks.push(
      `Nothing is running here. The last task was ${nameOf(last)}; it ${endings[last.outcome] ?? "ended"} ${formatAgo(last.agoMs)}${cost}.`,
    );
  }
  if (session !== null) blocks.push(describeSession(session));
  return blocks.join("\n\n");
}

const endings: Readonly<Record<string, string>> = {
  published: "was pushed",
  rebased: "rebased the branch",
  "up-to-date": "found the branch up to date",
  undone: "took the work back",
  "no-changes": "found nothing to change",
  answered: "was answered",
  reviewed: "submitted its review",
  "left-out": "ended with nothing pushed",
  cancelled: "was stopped",
  timeout: "ran out of time",
  budget: "used up its budget",
  error: "failed",
};

function nameOf({
  verb,
  instruction,
  requester,
}: Pick<OpenTask, "verb" | "instruction" | "requester">): string {
  const words = instruction.trim() === "" ? "" : ` ${toInlineText(instruction, 60)}`;
  return `**${toInlineText(verb, 40)}**${words} (${toInlineText(requester, 60)})`;
}

function stateOf({ state }: OpenTask): string {
  switch (state.kind) {
    case "queued":
      return queued(state.place);
    case "running": {
      const steps =
        state.steps === 0 ? "" : `, ${state.stepsDone} of ${formatPlural(state.steps, "step")} done`;
      return `${state.stopping ? "🛑 stopping" : "🛠️ working"} for ${formatDuration(state.forMs)}${steps}`;
    }
    case "waiting":
      return `✋ waiting for ${questions[state.question]}, ${formatDuration(state.forMs)} so far`;
  }
}

const questions: Readonly<Record<TaskQuestion["kind"], string>> = {
  plan: "a yes to its plan",
  "protected-paths": "a yes to protected files",
  cost: "a yes to a higher cost",
  questions: "an answer",
};

function queued(place: Place): string {
  const { place: nth, of } = placeInLine(place);
  const reason = whyItWaits(place);
  return [
    `⏳ ${nth <= 1 ? "next in line" : `${formatOrdinal(nth)} of ${of} in line`}`,
    ...(place.estimate === null || reason === null ? [] : [formatEstimate(place.estimate)]),
    ...(reason === null ? [] : [reason]),
  ].join(", ");
}

function describeSession(session: NonNullable<ThreadStatus["session"]>): string {
  const { branch, headSha, pullNumber, sandbox, autofix } = session;
  const rows = [
    `Branch ${toInlineCode(branch, 250)}${headSha === null ? ", nothing pushed yet" : ` at \`${headSha.slice(0, 12)}\``}`,
    ...(pullNumber === null ? [] : [`Pull request #${pullNumber}`]),
    sandbox === null || sandbox.status === "ended" || sandbox.status === "ending"
      ? "Sandbox: none at the moment; the work is kept, and the next task gets a new one"
      : `Sandbox: ${toInlineText(sandbox.provider, 40)}, ${sandbox.status}`,
    ...(autofix === null ? [] : [`Autofix is ${autofix ? "on" : "off"} for this pull request`]),
  ];
  return rows.map((row) => `- ${row}`).join("\n");
}
