/** Why a trigger that was meant for us started nothing, as a sentence for the person who asks `/claude why`. */
const sentences = {
  "no-write-access": "Only people with write access to this repository start work here.",
  "role-unknown":
    "GitHub did not say clearly which role this account has here, and what is unclear counts as no.",
  "role-narrowed":
    "The settings of this repository let only some of the roles with write access start work (`triggers.roles`), and this account has none of them.",
  bot: "It came from a bot that is not listed: `triggers.apps` in the repository's settings, else `ALLOWED_BOT_IDS` of this server.",
  "bots-alone":
    "Bots alone had started the last tasks in a row. A comment by a person lets the conversation go on.",
  edited:
    "A command counts when a comment is written, not when it is edited in later. Write it in a new comment.",
  quoted:
    "The command stands in a quote, in code or in a hidden comment. Put it at the start of a line of its own.",
  suspended:
    "The App is suspended for this account. An owner can unsuspend it in the organisation's settings.",
  "not-installed": "The App is not installed on this repository (any more).",
  "too-old": "The trigger was more than three days old when it arrived.",
  fork: "On a pull request from a fork only `/claude ask` and `/claude review` work.",
  "protected-branch":
    "The pull request's branch is the default branch or a protected one, and those are never written to.",
  closed: "It was closed when the trigger came. Reopen it and ask again.",
  "no-plan":
    "The account's plan did not let anything new begin. Its owners can see to that; within a day the command then begins by itself.",
  "body-edited": "The text was edited by somebody else since, so it was not clear what was asked for.",
} as const satisfies Record<string, string>;

export type IgnoredReason = keyof typeof sentences;

export function isIgnoredReason(code: string): code is IgnoredReason {
  return Object.hasOwn(sentences, code);
}

/** The sentence of a recorded reason; one of a later version is named by its code. */
export function sayIgnoredReason(code: string): string {
  return isIgnoredReason(code) ? sentences[code] : `It was not acted on (${code}).`;
}
