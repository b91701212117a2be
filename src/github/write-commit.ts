import { line, type QuarantineGit, setRef } from "./quarantine.ts";

export type CommitText = {
  author: { name: string; email: string };
  /** Author and committer date, so that a repeated build gives the same commit id. */
  date: Date;
  message: string;
};

/** A commit of a tree on one parent, kept from git's own cleaning by a branch of the quarantine. Its id. */
export async function writeCommit(
  git: QuarantineGit,
  input: CommitText & { quarantinePath: string; tree: string; parentSha: string },
): Promise<string> {
  const { name, email } = input.author;
  const date = `@${Math.floor(input.date.getTime() / 1_000)} +0000`;
  const env = {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
  const sha = await line(git, ["commit-tree", input.tree, "-p", input.parentSha, "-F", "-"], {
    env,
    stdin: input.message,
  });
  await setRef(input.quarantinePath, { name: "commit", sha });
  return sha;
}
