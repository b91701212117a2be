import { toInlineCode, toInlineText } from "../github/inline-text.ts";

export type SavedTaskView = {
  name: string;
  verb: string;
  instruction: string;
  /** Who saved it; null: the settings file. */
  from: string | null;
};

/** The answer to `/claude tasks`, as Markdown. */
export function renderSavedTasks(tasks: readonly SavedTaskView[]): string {
  if (tasks.length === 0)
    return "No task is saved for this repository yet. `/claude save <name>` keeps the last instruction of a thread.";
  const sorted = [...tasks].sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows = sorted.map(
    ({ name, verb, instruction, from }) =>
      `| ${toInlineCode(name)} | **${toInlineText(verb, 40)}** ${toInlineText(instruction, 100)} | ${from === null ? "the settings file" : toInlineText(from, 60)} |`,
  );
  return [
    ["| Name | What it does | Saved by |", "| --- | --- | --- |", ...rows].join("\n"),
    "Write `/claude run <name>` on any issue or pull request to start one there.",
  ].join("\n\n");
}
