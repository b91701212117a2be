import { toInlineCode, type PublicMarkdown } from "./inline-text.ts";
import { fitRows, renderSettingsNotes, sourceCell, valueCell, type SettingsNote } from "./settings-cells.ts";
import type { MergedSettings } from "./settings-effective.ts";

/** Less than what GitHub takes for a comment (65,536 characters), so that our mark fits as well. */
const maxBytes = 60_000;
const maxNotesBytes = 8_000;

/** The answer to `/claude config`: each setting, its value, and the file and line that set it; at most 60,000 bytes. */
export function renderConfig(input: {
  effective: Pick<MergedSettings, "entries"> & { problems: readonly SettingsNote[] };
  repository: { owner: string; name: string };
  /** The commit that the repository's own file was read at. */
  sha: string;
  serverUrl: string;
}): PublicMarkdown {
  const { effective, repository, sha, serverUrl } = input;
  const at = `${toInlineCode(`${repository.owner}/${repository.name}`)} at ${toInlineCode(sha.slice(0, 7))}`;
  const notes = renderSettingsNotes(effective.problems);
  const head = [
    `**Settings in force** for ${at}`,
    ...(notes === "" ? [] : [`> ⚠️ The settings files are not as they should be:\n${fitNotes(notes)}`]),
    "| Setting | Value | Set by |\n| --- | --- | --- |",
  ].join("\n\n");
  const rows = effective.entries.map(
    (entry) =>
      `| ${toInlineCode(entry.key)} | ${valueCell(entry)} | ${sourceCell(entry.source, serverUrl)} |`,
  );
  const room = maxBytes - Buffer.byteLength(head) - 100;
  return `${head}\n${fitRows(rows, room)}` as PublicMarkdown;
}

const fitNotes = (notes: string): string =>
  fitRows(notes.split("\n"), maxNotesBytes).replaceAll("\n\n…", "\n> …");
