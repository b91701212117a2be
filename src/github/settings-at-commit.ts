import { runHostGit } from "../host-git.ts";
import {
  maxSettingsBytes,
  parseSettings,
  settingsProblem,
  tooLarge,
  type ParsedSettings,
} from "./settings-parse.ts";

export const repoSettingsPath = ".github/remote-claude.yml";
/** Another common ending; taken for a slip. */
const misnamedPath = ".github/remote-claude.yaml";

const timeoutMs = 30_000;

export type MirrorCommit = { mirrorPath: string; sha: string };

/** The settings file at a commit of the bot's own mirror; null when there is none. Rejects when git itself fails. */
export async function settingsAtCommit(input: MirrorCommit): Promise<ParsedSettings | null> {
  const { sha } = input;
  if (!/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(sha)) throw new TypeError(`expected a commit's id, got ${sha}`);
  const entries = await listEntries(input);
  const entry = entries.get(repoSettingsPath);
  if (entry === undefined) {
    if (!entries.has(misnamedPath)) return null;
    return settingsProblem(`expected the settings in ${repoSettingsPath}, got ${misnamedPath}; rename it`);
  }
  if (!/^100(644|755)$/.test(entry.mode))
    return settingsProblem("expected a file, got a link, folder or submodule");
  if (entry.bytes > maxSettingsBytes) return settingsProblem(tooLarge(entry.bytes));
  return parseSettings(await git(input, ["cat-file", "blob", entry.oid]));
}

/**
 * The states of the file that the commit's own line had before it, newest first: commits of side branches, which a merge
 * brings along, never were in force.
 */
export async function earlierSettingsCommits(input: MirrorCommit & { count: number }): Promise<string[]> {
  const { sha, count } = input;
  const walk = ["rev-list", "--first-parent", `--max-count=${count + 1}`, sha];
  const listing = await git(input, [...walk, "--", repoSettingsPath, misnamedPath]);
  return listing.toString("utf8").split("\n").filter(Boolean).slice(1);
}

type Entry = { mode: string; oid: string; bytes: number };

async function listEntries(input: MirrorCommit): Promise<Map<string, Entry>> {
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
    maxStdoutBytes: maxSettingsBytes,
  });
  if (result.exitCode === 0 && result.stopped === null) return result.stdout;
  throw new Error(
    `git ${args[0] ?? ""} in the mirror ended with ${result.stopped ?? result.exitCode ?? "a signal"}: ${result.stderr.trim()}`,
  );
}
