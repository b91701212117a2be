import type { SettingsFile } from "./repo-settings-schema.ts";
import type { SettingsProblem } from "./repo-settings-yaml.ts";
import type { ParsedSettings } from "./settings-parse.ts";

/** The file of one repository that is in force, and what is wrong with the newest one. */
export type SettingsLookup = {
  /** Null: there is none, or none that is valid. */
  used: { file: SettingsFile; lineOf: (path: readonly string[]) => number; sha: string } | null;
  /** Empty when the newest file is the one in force, or there is none. */
  problems: readonly SettingsProblem[];
  /** Where the problems are. */
  sha: string;
};

export const maxSettingsWalk = 20;

/**
 * The file at a commit, or where that is not valid the newest earlier valid one; a commit without the file ends the
 * search, since people had taken it away.
 */
export async function findLastValid(input: {
  sha: string;
  /** Null: no file at that commit. */
  read: (sha: string) => Promise<ParsedSettings | null>;
  /** The earlier states of the file, newest first. */
  earlier: () => Promise<readonly string[]>;
}): Promise<SettingsLookup> {
  const { sha, read } = input;
  const newest = await read(sha);
  if (newest === null) return { used: null, problems: [], sha };
  if (newest.ok) return { used: { ...newest, sha }, problems: [], sha };
  const { problems } = newest;
  for (const before of (await input.earlier()).slice(0, maxSettingsWalk)) {
    const found = await read(before);
    if (found === null) break;
    if (found.ok) return { used: { ...found, sha: before }, problems, sha };
  }
  return { used: null, problems, sha };
}
