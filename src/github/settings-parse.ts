import { toSettingsProblems } from "./repo-settings-problems.ts";
import { repoSettingsFile, type SettingsFile } from "./repo-settings-schema.ts";
import { readSettingsYaml, type SettingsProblem } from "./repo-settings-yaml.ts";

export type ParsedSettings =
  | {
      ok: true;
      file: SettingsFile;
      /** Where the key at this path stands. */
      lineOf: (path: readonly string[]) => number;
    }
  | { ok: false; problems: readonly SettingsProblem[] };

export const maxSettingsBytes = 64 * 1024;
const maxProblems = 10;

/** Reads the bytes of a settings file. Whatever they are, it answers; of many problems it names the first ones. */
export function parseSettings(bytes: Uint8Array): ParsedSettings {
  if (bytes.length > maxSettingsBytes) return settingsProblem(tooLarge(bytes.length));
  const text = decode(bytes);
  if (text === null) return settingsProblem("expected text in UTF-8, got other bytes");
  const read = readSettingsYaml(text);
  if (!read.ok) return { ok: false, problems: cut(read.problems) };
  const parsed = repoSettingsFile.safeParse(read.value ?? {});
  if (!parsed.success)
    return { ok: false, problems: cut(toSettingsProblems(repoSettingsFile, parsed.error, read)) };
  return {
    ok: true,
    file: parsed.data,
    lineOf: (path) => read.lineOfKey(path.slice(0, -1), path.at(-1) ?? ""),
  };
}

/** A file that is wrong as a whole. */
export const settingsProblem = (message: string): ParsedSettings => ({
  ok: false,
  problems: [{ line: 1, message }],
});

export const tooLarge = (bytes: number): string =>
  `expected a file of at most ${maxSettingsBytes} bytes, got ${bytes}`;

function cut(problems: readonly SettingsProblem[]): SettingsProblem[] {
  const more = problems.length - maxProblems;
  const rest = more > 0 ? [{ line: problems[maxProblems]?.line ?? 1, message: `${more} more` }] : [];
  return [...problems.slice(0, maxProblems), ...rest];
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
