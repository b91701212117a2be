import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes an empty git directory as `git init --template=` does (gitrepository-layout(5)); files are quicker than a process. What
 * the host's disk is like is not asked: the work tree may stand elsewhere. `sha`: where `branch` stands, in a repository that
 * gets its objects later.
 */
export async function makeGitDirectory(
  path: string,
  { bare, branch, sha }: { bare: boolean; branch: string; sha: string },
): Promise<void> {
  if (!/^[0-9a-f]{40}$/.test(sha)) throw new TypeError(`expected a full commit id, got ${sha}`);
  if (/[\s\p{Cc}]/u.test(branch))
    throw new TypeError(`expected a branch's name, got ${JSON.stringify(branch)}`);
  await Promise.all(
    ["objects/info", "objects/pack", "refs/heads", "refs/tags"].map((folder) =>
      mkdir(join(path, folder), { recursive: true }),
    ),
  );
  const core = ["repositoryformatversion = 0", "filemode = true", `bare = ${bare}`];
  if (!bare) core.push("logallrefupdates = true");
  await Promise.all([
    writeFile(join(path, "HEAD"), `ref: refs/heads/${branch}\n`),
    writeFile(join(path, "config"), `[core]\n${core.map((line) => `\t${line}\n`).join("")}`),
    // Not a file of its own: a branch's name may be longer than a file's.
    writeFile(join(path, "packed-refs"), `${sha} refs/heads/${branch}\n`),
  ]);
}
