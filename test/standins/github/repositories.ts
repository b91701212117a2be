import { revision } from "./git.ts";
import { commitFiles, initRepository } from "./git-write.ts";
import type { Files } from "./git-write.ts";
import { newLabel } from "./labels.ts";
import { movingRefs } from "./refs.ts";
import type { Account, Repository } from "./state.ts";
import { must, ownerOf, repositoryByName, repositoryDirectory, stamp } from "./world.ts";
import type { World } from "./world.ts";

// The labels GitHub gives every new repository.
const defaultLabels = [
  ["bug", "d73a4a"],
  ["documentation", "0075ca"],
  ["duplicate", "cfd3d7"],
  ["enhancement", "a2eeef"],
  ["good first issue", "7057ff"],
  ["help wanted", "008672"],
  ["invalid", "e4e669"],
  ["question", "d876e3"],
  ["wontfix", "ffffff"],
] as const;

export type RepositoryInput = {
  owner: Account;
  name: string;
  private?: boolean;
  defaultBranch?: string;
  files?: Files;
  empty?: boolean;
};

/** Makes a repository on disk with one commit of the owner's (none when `empty`). */
export async function addRepository(world: World, input: RepositoryInput): Promise<Repository> {
  const { owner, name, defaultBranch = "main" } = input;
  if (repositoryByName(world, owner.login, name))
    throw new Error(`Repository ${owner.login}/${name} exists already.`);
  const now = stamp(world);
  const id = world.nextId("repository");
  const repository: Repository = {
    id,
    ownerId: owner.id,
    parentId: null,
    name,
    description: null,
    isPrivate: input.private === true,
    archived: false,
    defaultBranch,
    directory: "",
    roles: new Map(),
    teams: new Map(),
    protectedBranches: new Set(),
    labels: [],
    issues: new Map(),
    nextNumber: 1,
    checkRuns: [],
    checks: { suites: [], statuses: [], pushes: new Map() },
    createdAt: now,
    updatedAt: now,
    pushedAt: now,
  };
  for (const [label, color] of defaultLabels)
    newLabel(world, repository, { name: label, color, isDefault: true });
  world.repositories.set(id, repository);
  repository.directory = await repositoryDirectory(world, id);
  await initRepository(repository.directory, defaultBranch);
  if (input.empty === true) return repository;
  const files = input.files ?? { "README.md": `# ${name}\n` };
  await commitFiles(repository.directory, {
    branch: defaultBranch,
    files,
    message: "Initial commit",
    author: { ...signatureOf(owner), date: world.now() },
  });
  return repository;
}

export type CommitInput = {
  branch: string;
  /** Where a new branch starts; the default branch when absent. */
  from?: string;
  files: Files;
  message?: string;
  author?: { name: string; email: string };
  /** The account the push counts for; the owner when absent. */
  by?: Account;
};

/** Commits on a branch as somebody's push would: pull requests and Apps notice. Gives the new commit's id. */
export async function addCommit(world: World, repository: Repository, input: CommitInput): Promise<string> {
  const { directory } = repository;
  const sender = input.by ?? ownerOf(world, repository);
  const work = async (): Promise<void> => {
    const tip = await revision(directory, `refs/heads/${input.branch}`);
    const from = tip ?? (await revision(directory, input.from ?? `refs/heads/${repository.defaultBranch}`));
    await commitFiles(directory, {
      branch: input.branch,
      from,
      files: input.files,
      message: input.message ?? "Change",
      author: { ...(input.author ?? signatureOf(sender)), date: world.now() },
    });
  };
  await movingRefs(world, { repository, sender, work });
  return must(await revision(directory, `refs/heads/${input.branch}`), `branch ${input.branch}`);
}

function signatureOf(account: Account): { name: string; email: string } {
  return { name: account.login, email: `${account.id}+${account.login}@users.noreply.github.com` };
}
