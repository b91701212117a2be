import type { Octokit } from "@octokit/rest";
import type { Deps } from "../deps.ts";
import type { GitHub, RepositoryClient } from "../github/octokit.ts";
import type { SettingsLookup } from "../github/settings-last-valid.ts";
import { settingsOnGitHub } from "../github/settings-on-github.ts";

type Repository = { id: number; owner: string; name: string };

/** `open`: what was read within the last minute is good enough, and only without it GitHub is asked, by a client of its own. */
export type SettingsReader = { octokit: Octokit } | { open: () => Promise<RepositoryClient> };

type Kept = { lookup: SettingsLookup; readAtMs: number };

const recentMs = 60_000;
const maxKept = 5_000;

/** Of each worker, by repository id: the file at the newest commit that was seen on the default branch. */
const caches = new WeakMap<GitHub, Map<number, Kept>>();

/**
 * A repository's own settings file through GitHub's API: at a commit, or with null on its default branch as it stands, which
 * costs one request while the branch stands where it stood. Rejects as `toGitHubError` says.
 */
export async function readOwnSettings(
  deps: Pick<Deps, "github" | "clock">,
  input: { repository: Repository; sha: string | null; from: SettingsReader },
): Promise<SettingsLookup> {
  const { repository, sha, from } = input;
  const cache = caches.get(deps.github) ?? new Map<number, Kept>();
  caches.set(deps.github, cache);
  const kept = cache.get(repository.id);
  const nowMs = deps.clock.now().getTime();
  if (kept !== undefined) {
    // What a commit says never changes.
    if (sha !== null && kept.lookup.sha === sha) return kept.lookup;
    if (sha === null && "open" in from && nowMs - kept.readAtMs < recentMs) return kept.lookup;
  }
  const known = sha === null ? (kept?.lookup.sha ?? null) : null;
  const read = await withClient(from, (octokit) =>
    settingsOnGitHub(octokit, { repository, known, ...(sha === null ? {} : { ref: sha }) }),
  );
  const found = read.changed ? read.lookup : kept?.lookup;
  const lookup = found ?? { used: null, problems: [], sha: sha ?? "" };
  if (sha === null) {
    if (cache.size >= maxKept) cache.clear();
    cache.set(repository.id, { lookup, readAtMs: nowMs });
  }
  return lookup;
}

async function withClient<T>(from: SettingsReader, read: (octokit: Octokit) => Promise<T>): Promise<T> {
  if ("octokit" in from) return read(from.octokit);
  const client = await from.open();
  try {
    return await read(client.octokit);
  } finally {
    await client.revoke();
  }
}
