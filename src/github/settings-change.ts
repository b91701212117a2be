import { toInlineCode, type PublicMarkdown } from "./inline-text.ts";
import { repoSettingsPath } from "./settings-at-commit.ts";
import { fitRows, renderSettingsNotes, valueCell, type SettingsNote } from "./settings-cells.ts";
import type { SettingsEntry } from "./settings-effective.ts";

/** `words`: what is said in place of a value that whoever reads the note may not see. */
export type ShownEntry = SettingsEntry & { words?: PublicMarkdown };

/** The settings that a commit brings about, with what is wrong with its file. */
export type SettingsSide = {
  entries: readonly ShownEntry[];
  problems: readonly SettingsNote[];
  /** Of the repository's own file. */
  state: "absent" | "valid" | "invalid";
};

const maxBytes = 50_000;

/**
 * A note for a pull request that changes the settings file: whether its file is valid, and which settings in force would
 * be others after a merge. Null when the merge changes none and the file is as valid as before.
 */
export function describeSettingsChange(before: SettingsSide, after: SettingsSide): PublicMarkdown | null {
  const file = toInlineCode(repoSettingsPath);
  if (after.state === "invalid") {
    const words = `**${file} of this pull request is not valid.** After a merge, what is in force now would stay:`;
    return `${words}\n\n${renderSettingsNotes(after.problems)}` as PublicMarkdown;
  }
  const rows = changesBetween(before.entries, after.entries).map(
    ({ key, was, is }) => `| ${toInlineCode(key)} | ${was} | ${is} |`,
  );
  const mended = before.state === "invalid" ? ` It mends the file, which is not valid at the base.` : "";
  if (rows.length === 0) {
    if (mended === "") return null;
    return `This pull request changes ${file}.${mended} No setting in force changes.` as PublicMarkdown;
  }
  const removed = after.state === "absent" ? " It takes the file away." : "";
  const count = rows.length === 1 ? "one setting" : `${rows.length} settings`;
  const head = [
    `This pull request changes ${file}, which is valid.${mended}${removed} After a merge, ${count} would change:`,
    "| Setting | Now | After the merge |\n| --- | --- | --- |",
  ].join("\n\n");
  return `${after.state === "absent" ? head.replace(", which is valid.", ".") : head}\n${fitRows(rows, maxBytes)}` as PublicMarkdown;
}

function changesBetween(
  before: readonly ShownEntry[],
  after: readonly ShownEntry[],
): { key: string; was: PublicMarkdown; is: PublicMarkdown }[] {
  const old = new Map(before.map((entry) => [entry.key, entry]));
  const next = new Map(after.map((entry) => [entry.key, entry]));
  return [...new Set([...old.keys(), ...next.keys()])].flatMap((key) => {
    const none: ShownEntry = { key, value: null, source: { kind: "default" } };
    const [was, is] = [old.get(key) ?? none, next.get(key) ?? none];
    if (JSON.stringify(was.words ?? was.value) === JSON.stringify(is.words ?? is.value)) return [];
    return [{ key, ...cells(was, is) }];
  });
}

/** Two long texts may differ only behind where a cell is cut. */
function cells(was: ShownEntry, is: ShownEntry): { was: PublicMarkdown; is: PublicMarkdown } {
  const shown = { was: was.words ?? valueCell(was), is: is.words ?? valueCell(is) };
  if (shown.was !== shown.is) return shown;
  return { ...shown, is: `${shown.is} (differs further on)` as PublicMarkdown };
}
