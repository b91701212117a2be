import type { Octokit } from "@octokit/rest";
import { toGitHubError } from "./github-error.ts";
import { readSettingsFile } from "./read-settings-file.ts";
import { findLastValid, type SettingsLookup } from "./settings-last-valid.ts";

type Repository = { owner: string; name: string };

export type SettingsOnGitHub =
  | { changed: false }
  | {
      changed: true;
      /** Null: an empty repository. */
      lookup: SettingsLookup | null;
    };

/**
 * The settings file in force on a repository's default branch, or at `ref`, through GitHub's API, where no mirror is at
 * hand; `changed: false` while the branch stands at the commit that is `known`. (GitHub's ETags do not outlive a token.)
 * Rejects as `toGitHubError` says.
 */
export async function settingsOnGitHub(
  octokit: Octokit,
  input: { repository: Repository; ref?: string; known?: string | null; signal?: AbortSignal },
): Promise<SettingsOnGitHub> {
  try {
    const [head] = await listCommits(octokit, input, 1);
    if (head === undefined) return { changed: true, lookup: null };
    const { sha } = head;
    if (sha === input.known) return { changed: false };
    const lookup = await findLastValid({
      sha,
      read: async (at) => (await readSettingsFile(octokit, { ...input, at })).parsed,
      earlier: () => readLine(octokit, { ...input, ref: sha }),
    });
    return { changed: true, lookup };
  } catch (error) {
    throw toGitHubError(error, "reading the settings file");
  }
}

type Input = Parameters<typeof settingsOnGitHub>[1];

const asked = ({ repository, signal }: Input) => ({
  owner: repository.owner,
  repo: repository.name,
  ...(signal === undefined ? {} : { request: { signal } }),
});

/** The newest first; none of an empty repository. */
async function listCommits(octokit: Octokit, input: Input, count: number) {
  const ref = input.ref === undefined ? {} : { sha: input.ref };
  try {
    const { data } = await octokit.rest.repos.listCommits({ ...asked(input), ...ref, per_page: count });
    return data;
  } catch (error) {
    if (error instanceof Error && "status" in error && error.status === 409) return [];
    throw error;
  }
}

/** The newest commits of the branch's own line before `ref`, as `git rev-list --first-parent` has them. */
async function readLine(octokit: Octokit, input: Input & { ref: string }): Promise<string[]> {
  const commits = await listCommits(octokit, input, 100);
  const parentOf = new Map(commits.map(({ sha, parents }) => [sha, parents[0]?.sha]));
  const line: string[] = [];
  for (let next = parentOf.get(input.ref); next !== undefined; next = parentOf.get(next)) line.push(next);
  return line;
}
