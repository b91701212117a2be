import { rm } from "node:fs/promises";
import { git } from "./git.ts";
import { addRepository } from "./repositories.ts";
import type { Account, Issue, Pull, Repository } from "./state.ts";
import { accountById } from "./world.ts";
import type { World } from "./world.ts";

/** Copies a repository with its branches and tags to another account; issues and pull requests stay behind. */
export async function forkRepository(
  world: World,
  input: { repository: Repository; owner: Account; name: string },
): Promise<Repository> {
  const { repository, owner, name } = input;
  const fork = await addRepository(world, {
    owner,
    name,
    private: repository.isPrivate,
    defaultBranch: repository.defaultBranch,
    empty: true,
  });
  fork.parentId = repository.id;
  // Pull requests' refs are the base's own: what is cloned are branches and tags.
  await rm(fork.directory, { recursive: true, force: true });
  const argv = ["clone", "--quiet", "--bare", "--no-hardlinks", repository.directory, fork.directory];
  await git(repository.directory, argv);
  return fork;
}

/** Where a pull request's head is; undefined when that fork is gone. */
export function headRepositoryOf(world: Pick<World, "repositories">, pull: Pull): Repository | undefined {
  return world.repositories.get(pull.headRepositoryId);
}

/** `owner:branch`. */
export function headLabel(
  world: Pick<World, "accounts">,
  pull: Pick<Pull, "headOwnerId" | "headRef">,
): string {
  return `${accountById(world, pull.headOwnerId).login}:${pull.headRef}`;
}

/** The open pull requests whose head is in this repository, whichever repository they are against. */
export function openPullsFrom(
  world: Pick<World, "repositories">,
  head: Repository,
): { repository: Repository; issue: Issue; pull: Pull }[] {
  return [...world.repositories.values()].flatMap((repository) =>
    [...repository.issues.values()].flatMap((issue) => {
      const { pull } = issue;
      if (pull?.headRepositoryId !== head.id || issue.state !== "open" || issue.deleted) return [];
      return [{ repository, issue, pull }];
    }),
  );
}

/** The repositories of one network: the first one and all that come from it. */
export function networkOf(world: Pick<World, "repositories">, repository: Repository): Repository[] {
  const root = rootOf(world, repository);
  return [...world.repositories.values()].filter((each) => rootOf(world, each) === root);
}

function rootOf(world: Pick<World, "repositories">, repository: Repository): Repository {
  const parent = repository.parentId === null ? undefined : world.repositories.get(repository.parentId);
  return parent === undefined ? repository : rootOf(world, parent);
}
