import { defaultCommitPolicy } from "./commit-policy.ts";
import { toInlineCode, toInlineText, type PublicMarkdown } from "./inline-text.ts";
import { repoSettingsPath } from "./settings-at-commit.ts";
import type { SettingsEntry, SettingsSource } from "./settings-effective.ts";

const maxValue = 160;
const maxItems = 12;

/** A value as a cell of a table shows it; long ones are cut, and the rest of a long list is counted. */
export function valueCell({ key, value }: SettingsEntry): PublicMarkdown {
  const builtIn = key === "protected_paths" ? defaultCommitPolicy.protectedPaths : [];
  const items = Array.isArray(value) ? (value as readonly (string | number)[]) : null;
  if (items === null) {
    const words = value === null || value === "" ? "none" : toInlineCode(String(value), maxValue);
    return words as PublicMarkdown;
  }
  const shown = [
    ...builtIn.map((path) => `${toInlineCode(path)} (always)`),
    ...items.slice(0, maxItems).map((item) => toInlineCode(String(item), maxValue)),
  ];
  if (items.length > maxItems) shown.push(`and ${items.length - maxItems} more`);
  return (shown.length === 0 ? "none" : shown.join(", ")) as PublicMarkdown;
}

/** Who set a value; a file's line is a link to it at its commit, on the server's own host. */
export function sourceCell(source: SettingsSource, serverUrl: string): PublicMarkdown {
  switch (source.kind) {
    case "default":
      return "server default" as PublicMarkdown;
    case "variable":
      return `the server's ${toInlineCode(source.name)}` as PublicMarkdown;
    case "file": {
      const { owner, name } = source.repository;
      const words = `${toInlineCode(`${owner}/${name}`)}: ${toInlineCode(repoSettingsPath)}, line ${source.line}`;
      return `[${words}](${lineUrl(source, serverUrl)})` as PublicMarkdown;
    }
  }
}

function lineUrl(
  { repository, sha, line }: Extract<SettingsSource, { kind: "file" }>,
  serverUrl: string,
): string {
  const names = [repository.owner, repository.name, "blob", sha].map(encodeURIComponent).join("/");
  return `${serverUrl}/${names}/${repoSettingsPath}#L${line}`;
}

export type SettingsNote = { line: number | null; message: string };

/** What is wrong with the files, as lines of a quotation; "" when nothing is. */
export function renderSettingsNotes(notes: readonly SettingsNote[]): string {
  return notes
    .map(({ line, message }) => `> - ${line === null ? "" : `line ${line}: `}${toInlineText(message, 400)}`)
    .join("\n");
}

/** Rows of a table up to so many bytes of UTF-8; the others are counted in a sentence below it. */
export function fitRows(rows: readonly string[], maxBytes: number): string {
  let left = maxBytes;
  const end = rows.findIndex((row) => (left -= Buffer.byteLength(row) + 1) < 0);
  const kept = end === -1 ? rows : rows.slice(0, end);
  const more = rows.length - kept.length;
  return `${kept.join("\n")}${more === 0 ? "" : `\n\n… and ${more} more, which do not fit here.`}`;
}
