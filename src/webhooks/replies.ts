import type { TaskQuestion } from "../../db/schema.ts";
import { UserError } from "../errors.ts";
import { formatUsd } from "../github/amounts.ts";
import { toInlineCode, toInlineText } from "../github/inline-text.ts";
import { renderHelp } from "./command-verbs.ts";

/** What an approval lets happen. */
const approvals: Readonly<Record<TaskQuestion["kind"], string>> = {
  plan: "The plan is approved and will be carried out now.",
  "protected-paths": "Approved: the protected files will be pushed as well.",
  cost: "Approved: the task goes on.",
  questions: "Noted: Claude goes on as it proposed.",
};

type Named = { verb: string; instruction: string };

/** What we answer when no work starts, or beside it. Each is one polite text; who gets it is decided elsewhere. */
export const replies = {
  noWriteAccess: (login: string) =>
    `Thanks @${login}. Starting work here needs write access to the repository, so nothing has been started. ` +
    "Somebody who has it can repeat the command.",
  roleNarrowed: (login: string, roles: readonly string[]) =>
    `Thanks @${login}. The settings of this repository let only people with the role ${joinWords(roles)} start work here, so nothing has been started. ` +
    "Somebody who has it can repeat the command.",
  suggestion: ({ typed, suggestion }: { typed: string; suggestion: string }) =>
    `Did you mean \`${suggestion.replaceAll("`", "")}\`? \`${typed.replaceAll("`", "")}\` was not recognised, and nothing was started.`,
  invalid: (reason: string) => `That command was not understood, and nothing was started: ${reason}.`,
  refused: (error: UserError) => `${error.message}\n\n${error.remedy}`,
  help: () => renderHelp(),
  nothingAsked: () => "Nothing here is waiting for an approval.",
  onlyPeopleApprove: () => "Only a person can approve, so the question is still open.",
  otherSha: (expected: string) =>
    `The open question is about \`${expected.slice(0, 12)}\`, but another commit was named, so nothing was approved.`,
  approved: (kind: TaskQuestion["kind"]) => `👍 ${approvals[kind]}`,
  nothingToStop: () => "There is nothing to stop here.",
  nothingToRetry: () =>
    "Nothing has been asked for here yet, so there is nothing to run again. `/claude <what>` starts something.",
  notWhileOpen: (waits: boolean) =>
    waits
      ? "The last task is waiting for an answer, so it was not started again. Answer it, or write `/claude stop` first."
      : "The last task has not ended yet, so it was not started again. `/claude status` shows where it stands; `/claude stop` ends it.",
  noPullRequest: (verb: string) =>
    `\`${verb}\` is about a pull request, and there is none for this issue yet. Write \`/claude <what>\` to get one.`,
  onlyOurBranch: (verb: string) =>
    `\`${verb}\` works only on branches that this App made; this one is somebody's own, so it was left alone.`,
  /** Null: the thread is public. */
  budgetRaised: (budgetMicroUsd: number | null, status: string) =>
    `The task may now cost ${budgetMicroUsd === null ? "that much more" : `up to ${formatUsd(budgetMicroUsd)}`}${status === "running" || status === "provisioning" ? "; it goes on working meanwhile" : ""}.`,
  budgetTooHigh: (budgetMicroUsd: number | null) =>
    `One task may cost at most $1,000, so its budget stays ${budgetMicroUsd === null ? "as it is" : `at ${formatUsd(budgetMicroUsd)}`}.`,
  noBudgetToRaise: () =>
    "No task here is at work, and the last one did not end at its budget, so there is nothing to raise. `/claude --budget <usd> <what>` sets the budget of a new one.",
  autofix: (on: boolean, pullNumber: number) =>
    on
      ? `Autofix is on for #${pullNumber}: when checks fail, or what is merged into its base collides with it, Claude tries to repair that.`
      : `Autofix is off for #${pullNumber}: failed checks are left alone until somebody writes \`/claude fix-ci\`, and conflicts until \`/claude rebase\`.`,
  autofixNotHere: () => "Autofix is for pull requests that this App has opened, and there is none here.",
  noCommitYet: () => "The repository has no commit yet, so there are no settings to show.",
  nothingToSave: () => "Nothing has been asked for here yet, so there is nothing to save.",
  saved: ({ name, task, before }: { name: string; task: Named; before: Named | null }) =>
    [
      `Saved as ${toInlineCode(name)}:`,
      `> ${quoteTask(task)}`,
      `\`/claude run ${name}\` starts it on any issue or pull request of this repository.`,
      ...(before === null ? [] : ["It replaces what had that name before:", `> ${quoteTask(before)}`]),
    ].join("\n\n"),
  noSuchTask: (name: string) =>
    `No task is saved as ${toInlineCode(name, 64)} in this repository. \`/claude tasks\` lists what there is.`,
  /** Shown once to each person, in the status comment of their first task. */
  greeting: () => [
    "First time here? Comments on the pull request, or a submitted review, are worked off on the same branch; no mention is needed there.",
    "`/claude stop` ends a task at once, `/claude status` shows where it stands, `/claude help` lists the rest.",
  ],
} as const;

const joinWords = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

function quoteTask({ verb, instruction }: Named): string {
  const words = instruction.trim() === "" ? "the issue as it is written" : toInlineText(instruction, 120);
  return `**${toInlineText(verb, 40)}** ${words}`;
}
