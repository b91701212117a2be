import { textOf } from "./call.ts";
import type { RepositoryCall } from "./call.ts";
import { revision } from "./git.ts";
import { HttpError } from "./http-error.ts";

/** The commit that the path's `ref` names: a branch, a tag (also with `heads/` or `tags/` before it) or a commit id. */
export async function commitOfRef(call: RepositoryCall): Promise<string> {
  const ref = textOf(call, "ref");
  const { directory } = call.repository;
  for (const name of [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/${ref}`, ref]) {
    const sha = await revision(directory, name);
    if (sha !== undefined) return sha;
  }
  throw new HttpError(422, `No commit found for SHA: ${ref}`);
}
