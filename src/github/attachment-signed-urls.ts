import type { Octokit } from "@octokit/rest";
import type { AttachmentHosts } from "./attachment-hosts.ts";
import { toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

const signedUuid = /[/-]([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.\w{1,5})?$/i;

/**
 * Where GitHub lends the images of one text, by their ids: rendered for an API caller (`body_html`), each stands there under
 * an address signed for some five minutes, in a private repository too. Of the text itself nothing is taken over.
 */
export async function readSignedUrls(
  octokit: Octokit,
  input: {
    repository: RepositoryRef;
    issueNumber: number;
    /** Null: the issue's own text. */
    commentId: number | null;
    hosts: AttachmentHosts;
    signal: AbortSignal;
  },
): Promise<Map<string, string>> {
  const signed = new Map<string, string>();
  const html = await readHtml(octokit, input);
  for (const [, attribute = ""] of html.matchAll(/\ssrc="([^"]{1,4000})"/g)) {
    const url = URL.parse(attribute.replaceAll("&amp;", "&"));
    if (url === null || input.hosts.judgeRedirect(url) !== "storage" || url.search === "") continue;
    const uuid = signedUuid.exec(url.pathname)?.[1]?.toLowerCase();
    if (uuid !== undefined && !signed.has(uuid)) signed.set(uuid, url.href);
  }
  return signed;
}

async function readHtml(octokit: Octokit, input: Parameters<typeof readSignedUrls>[1]): Promise<string> {
  const { owner, name: repo } = input.repository;
  const options = {
    owner,
    repo,
    headers: { accept: "application/vnd.github.full+json" },
    request: { signal: input.signal },
  };
  try {
    const { data } =
      input.commentId === null
        ? await octokit.rest.issues.get({ ...options, issue_number: input.issueNumber })
        : await octokit.rest.issues.getComment({ ...options, comment_id: input.commentId });
    return data.body_html ?? "";
  } catch (error) {
    throw toGitHubError(error, "reading where the attached images are");
  }
}
