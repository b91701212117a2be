import type { Octokit } from "@octokit/rest";
import type { Db } from "../../db/client.ts";
import { isMissing, toGitHubError } from "./github-error.ts";
import { pacedWrite } from "./paced-write.ts";
import { signPullText, whoseText, type PullText } from "./pull-text-mark.ts";
import type { RepositoryRef } from "./thread.ts";

/** kept: a person has edited the body, or it was never ours. */
export type PullTextUpdate = "updated" | "current" | "kept" | "gone";

/**
 * Brings title and body of our pull request up to date. A body that a person has edited is left alone, and the title with
 * it; a title that a person has edited stays while the body goes on.
 */
export async function updatePullText(
  deps: { system: Db },
  octokit: Octokit,
  input: {
    installationId: number;
    repository: RepositoryRef;
    pullNumber: number;
    taskId: string;
    text: PullText;
    signal: AbortSignal;
  },
): Promise<PullTextUpdate> {
  const at = { owner: input.repository.owner, repo: input.repository.name, pull_number: input.pullNumber };
  const standing = await readText(octokit, at);
  if (standing === null) return "gone";
  const ours = whoseText(standing);
  if (!ours.body) return "kept";
  const title = ours.title ? input.text.title : standing.title;
  const body = ours.title
    ? input.text.body
    : signPullText(input.taskId, { title, body: input.text.body }, ours.titleDigest);
  if (title === standing.title && body === standing.body) return "current";
  const written = await pacedWrite(deps, {
    installationId: input.installationId,
    urgency: "edit",
    doing: "bringing the pull request's text up to date",
    signal: input.signal,
    write: () => octokit.rest.pulls.update({ ...at, title, body }),
  });
  return written === null ? "gone" : "updated";
}

async function readText(
  octokit: Octokit,
  at: { owner: string; repo: string; pull_number: number },
): Promise<PullText | null> {
  try {
    const { data } = await octokit.rest.pulls.get(at);
    return { title: data.title, body: data.body ?? "" };
  } catch (error) {
    if (isMissing(error)) return null;
    throw toGitHubError(error, "reading the pull request");
  }
}
