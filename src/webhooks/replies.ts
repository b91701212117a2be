import { UserError } from "../errors.ts";
import { renderHelp, type Verb } from "./command-verbs.ts";

/** What this version does; the other verbs are understood and answered politely. */
const built: ReadonlySet<Verb> = new Set(["implement", "ask", "plan", "approve", "stop", "status", "help"]);

/** What we answer when no work starts. Each is one polite text; who gets it is decided elsewhere. */
export const replies = {
  noWriteAccess: (login: string) =>
    `Thanks @${login}. Starting work here needs write access to the repository, so nothing has been started. ` +
    "Somebody who has it can repeat the command.",
  notBuilt: (verb: string) =>
    `\`/claude ${verb}\` is understood, but this version cannot do it yet. Nothing was started.\n\n` +
    "What works today: `/claude <instruction>`, `stop`, `status` and `help`.",
  onPullRequest: () =>
    "Commands on pull requests are not available in this version. Write `/claude …` on the issue; the work goes to the same branch.",
  suggestion: ({ typed, suggestion }: { typed: string; suggestion: string }) =>
    `Did you mean \`${suggestion.replaceAll("`", "")}\`? \`${typed.replaceAll("`", "")}\` was not recognised, and nothing was started.`,
  invalid: (reason: string) => `That command was not understood, and nothing was started: ${reason}.`,
  refused: (error: UserError) => `${error.message}\n\n${error.remedy}`,
  suspended: () =>
    "This installation is suspended, so nothing was started. An owner can unsuspend it in the organisation's settings.",
  help: () => renderHelp(built),
  nothingAsked: () => "Nothing here waits for an approval.",
  otherSha: (expected: string) =>
    `The open question is about \`${expected.slice(0, 12)}\`, and another commit was named, so nothing was approved.`,
  stopped: (stopping: number, ended: number) =>
    stopping + ended === 0
      ? "There is nothing to stop here."
      : `Stopping ${stopping + ended === 1 ? "the task" : `${stopping + ended} tasks`}.`,
} as const;
