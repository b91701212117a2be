import { runHostGit } from "../host-git.ts";
import { toSettingsProblems } from "./repo-settings-problems.ts";
import { repoSettingsFile, toRepoSettings, type RepoSettings } from "./repo-settings-schema.ts";
import { readSettingsYaml, type SettingsProblem } from "./repo-settings-yaml.ts";

export type ReadRepoSettings = {
  settings: RepoSettings;
  /** Empty for a sound file and for none; with any, the settings are the defaults. */
  problems: readonly SettingsProblem[];
  /** The file's path in the repository. */
  path: string;
  sha: string;
};

export const repoSettingsPath = ".github/remote-claude.yml";
/** Another common ending; taken for a slip. */
const misnamedPath = ".github/remote-claude.yaml";

const maxBytes = 64 * 1024;
const maxProblems = 10;
const timeoutMs = 30_000;

/**
 * The repository's settings at a commit of the bot's own mirror, of the base and never of what an agent made. A bad
 * file is no error: it gives the defaults and says what is wrong. Rejects when git itself fails.
 */
export async function readRepoSettings(input: {
  mirrorPath: string;
  sha: string;
}): Promise<ReadRepoSettings> {
  const { sha } = input;
  if (!/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(sha)) throw new TypeError(`expected a commit's id, got ${sha}`);
  const parsed = await readFile(input);
  if ("settings" in parsed) return { settings: parsed.settings, problems: [], path: repoSettingsPath, sha };
  const { problems } = parsed;
  const more = problems.length - maxProblems;
  const rest = more > 0 ? [{ line: problems[maxProblems]?.line ?? 1, message: `${more} more` }] : [];
  return {
    settings: defaults(),
    problems: [...problems.slice(0, maxProblems), ...rest],
    path: repoSettingsPath,
    sha,
  };
}

type Parsed = { settings: RepoSettings } | { problems: SettingsProblem[] };

const defaults = (): RepoSettings => toRepoSettings(repoSettingsFile.parse({}));

const problem = (message: string): Parsed => ({ problems: [{ line: 1, message }] });

async function readFile(input: { mirrorPath: string; sha: string }): Promise<Parsed> {
  const entries = await listEntries(input);
  const entry = entries.get(repoSettingsPath);
  if (entry === undefined) {
    if (!entries.has(misnamedPath)) return { settings: defaults() };
    return problem(`expected the settings in ${repoSettingsPath}, got ${misnamedPath}; rename it`);
  }
  if (!/^100(644|755)$/.test(entry.mode)) return problem("expected a file, got a link, folder or submodule");
  if (entry.bytes > maxBytes)
    return problem(`expected a file of at most ${maxBytes} bytes, got ${entry.bytes}`);
  const bytes = await git(input, ["cat-file", "blob", entry.oid]);
  return parseSettings(bytes);
}

type Entry = { mode: string; oid: string; bytes: number };

async function listEntries(input: { mirrorPath: string; sha: string }): Promise<Map<string, Entry>> {
  const paths = [repoSettingsPath, misnamedPath];
  const listing = await git(input, ["ls-tree", "-l", "-z", "--full-tree", input.sha, "--", ...paths]);
  const lines = listing.toString("utf8").split("\0").filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [head = "", path = ""] = line.split("\t");
      const [mode = "", , oid = "", size = ""] = head.split(/ +/);
      return [path, { mode, oid, bytes: Number(size) }];
    }),
  );
}

async function git({ mirrorPath }: { mirrorPath: string }, args: readonly string[]): Promise<Buffer> {
  const result = await runHostGit({
    args,
    cwd: mirrorPath,
    protocol: "none",
    timeoutMs,
    maxStdoutBytes: maxBytes,
  });
  if (result.exitCode === 0 && result.stopped === null) return result.stdout;
  throw new Error(
    `git ${args[0] ?? ""} in the mirror ended with ${result.stopped ?? result.exitCode ?? "a signal"}: ${result.stderr.trim()}`,
  );
}

function parseSettings(bytes: Buffer): Parsed {
  const text = decode(bytes);
  if (text === null) return problem("expected text in UTF-8, got other bytes");
  const read = readSettingsYaml(text);
  if (!read.ok) return { problems: read.problems };
  const parsed = repoSettingsFile.safeParse(read.value ?? {});
  if (parsed.success) return { settings: toRepoSettings(parsed.data) };
  return { problems: toSettingsProblems(repoSettingsFile, parsed.error, read) };
}

function decode(bytes: Buffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
