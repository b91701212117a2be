import type { Octokit } from "@octokit/rest";
import { toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

export type ThreadComment = {
  id: number;
  author: { id: number; login: string; type: string };
  body: string;
  createdAt: Date;
  updatedAt: Date;
};

export type ReadThread = {
  /** Oldest first. */
  comments: ThreadComment[];
  /** Read and not in `comments`, but for those of bots. */
  leftOut: number;
  /** Comments before those, which were not read. */
  older: number;
};

const perPage = 100;
/** More than this is no conversation but a log; the newest ones are read. */
const maxPages = 5;

/**
 * The comments of an issue that stood, unedited since, before the trigger. Source: REST list-comments;
 * times are GitHub's, to the second, so a comment in the trigger's own second is left out.
 */
export async function readThread(
  octokit: Octokit,
  input: { repository: RepositoryRef; issueNumber: number; before: Date },
): Promise<ReadThread> {
  const read = (page: number) => readPage(octokit, input, page);
  const first = await read(1);
  const skipped = Math.max(0, first.pages - maxPages);
  const others = Array.from({ length: Math.min(first.pages, maxPages) }, (_, index) => skipped + index + 1);
  const pages = await Promise.all(others.map(async (page) => (page === 1 ? first : read(page))));
  const thread: ReadThread = { comments: [], leftOut: 0, older: skipped * perPage };
  for (const item of pages.flatMap(({ items }) => items)) {
    const createdAt = new Date(item.created_at);
    const updatedAt = new Date(item.updated_at);
    const settled = createdAt < input.before && updatedAt < input.before;
    if (!settled || item.user === null) {
      // Nobody misses what a bot said, our own status comments least of all.
      thread.leftOut += createdAt < input.before && item.user?.type !== "Bot" ? 1 : 0;
      continue;
    }
    const { id, login, type } = item.user;
    const author = { id, login, type };
    thread.comments.push({ id: item.id, author, body: item.body ?? "", createdAt, updatedAt });
  }
  return thread;
}

async function readPage(
  octokit: Octokit,
  { repository, issueNumber }: { repository: RepositoryRef; issueNumber: number },
  page: number,
) {
  const { data, headers } = await octokit.rest.issues
    .listComments({
      owner: repository.owner,
      repo: repository.name,
      issue_number: issueNumber,
      per_page: perPage,
      page,
    })
    .catch((error: unknown) => {
      throw toGitHubError(error, "reading the thread");
    });
  // GitHub names the last page on every other one.
  const last = /[?&]page=(\d+)[^>]*>; rel="last"/.exec(headers.link ?? "")?.[1];
  return { items: data, pages: last === undefined ? page : Number(last) };
}
