import { listMirrorFiles, readMirrorFile } from "./mirror-files.ts";

/** Where GitHub looks for a template, any case of letters. */
const places = /^(?:\.github\/|docs\/)?pull_request_template(?:\.md|\.txt)?$/i;
const maxBytes = 32 * 1024;

/** The repository's own pull request template at a commit, at `path` where its settings name one; null when it has none. */
export async function readPullRequestTemplate(input: {
  mirrorPath: string;
  sha: string;
  path: string | null;
}): Promise<string | null> {
  if (input.path !== null) return readMirrorFile({ ...input, path: input.path, maxBytes });
  const paths = await listMirrorFiles({ ...input, directories: ["", ".github/", "docs/"] });
  const path = paths.find((candidate) => places.test(candidate));
  return path === undefined ? null : readMirrorFile({ ...input, path, maxBytes });
}
