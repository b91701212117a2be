import { setTimeout as delay } from "node:timers/promises";
import type { Octokit } from "@octokit/rest";
import { toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

/** GitHub computes it after each push; it says null until it has. */
const askEveryMs = 1_000;
const askFor = 20;

/** GitHub's own word on whether a pull request can be merged at this head; null: it has not said so in time. */
export async function readMergeable(
  octokit: Octokit,
  input: { repository: RepositoryRef; pullNumber: number; headSha: string; signal?: AbortSignal },
): Promise<boolean | null> {
  const { owner, name } = input.repository;
  for (let asked = 0; asked < askFor; asked++) {
    if (asked > 0)
      await delay(askEveryMs, undefined, input.signal === undefined ? {} : { signal: input.signal });
    const { data } = await octokit.rest.pulls
      .get({ owner, repo: name, pull_number: input.pullNumber })
      .catch((error: unknown) => {
        throw toGitHubError(error, "asking whether the pull request can be merged");
      });
    if (data.head.sha === input.headSha && data.mergeable !== null) return data.mergeable;
  }
  return null;
}
