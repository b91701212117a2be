import { forkRepository } from "./forks.ts";
import { deleteRef, revision, setRef } from "./git.ts";
import type { RepositoryView } from "./makers.ts";
import { retarget, setDraft } from "./pull-changes.ts";
import { movingRefs } from "./refs.ts";
import { setDefaultBranch } from "./repository-changes.ts";
import type { Account, Repository } from "./state.ts";
import { accountByLogin, fullName, issueByNumber, must, ownerOf, repositoryNamed, stamp } from "./world.ts";
import type { World } from "./world.ts";

type By = { by?: string };

/** What happens to forks, branches and pull requests, without asking over HTTP; `by` is the repository's owner when absent. */
export type PullMakers = {
  /** A repository of that account with the same branches; commit there, then open a pull request with `head: "login:branch"`. */
  fork(repo: string, login: string, options?: { name?: string }): Promise<RepositoryView>;
  /** A new branch, or one deleted before, at a commit that the repository has. */
  createBranch(repo: string, input: { branch: string; sha: string } & By): Promise<void>;
  deleteBranch(repo: string, branch: string, options?: By): Promise<void>;
  /** Moves a branch to a commit that the repository has, forward or not. */
  forcePush(repo: string, input: { branch: string; sha: string } & By): Promise<void>;
  /** Pull requests against the branch follow, those from it close, the default branch stays the default one. */
  renameBranch(repo: string, from: string, to: string, options?: By): Promise<void>;
  /** The web page's "Convert to draft" and "Ready for review". */
  setDraft(repo: string, number: number, draft: boolean, options?: By): Promise<void>;
  /** Many comments at once, of which no App hears. */
  addComments(repo: string, number: number, input: { bodies: readonly string[] } & By): void;
};

/** Opens the ways to change branches and pull requests. */
export function openPullMakers(world: World): PullMakers {
  const at = (repo: string, by: string | undefined): { repository: Repository; sender: Account } => {
    const repository = repositoryNamed(world, repo);
    const sender = by === undefined ? ownerOf(world, repository) : accountNamed(world, by);
    return { repository, sender };
  };
  const threadOf = (repository: Repository, number: number) =>
    must(issueByNumber(repository, number), `issue ${number} in ${repository.name}`);
  const move = async (repo: string, { branch, sha, by }: { branch: string; sha: string } & By) => {
    const { repository, sender } = at(repo, by);
    const work = () => setRef(repository.directory, `refs/heads/${branch}`, sha);
    await movingRefs(world, { repository, sender, work });
  };
  return {
    fork: async (repo, login, options) => {
      const { repository } = at(repo, undefined);
      const owner = accountNamed(world, login);
      const fork = await forkRepository(world, { repository, owner, name: options?.name ?? repository.name });
      const name = fullName(world, fork);
      return {
        id: fork.id,
        fullName: name,
        cloneUrl: `${world.url}/${name}.git`,
        directory: fork.directory,
      };
    },
    createBranch: move,
    forcePush: move,
    deleteBranch: async (repo, branch, options) => {
      const { repository, sender } = at(repo, options?.by);
      const work = () => deleteRef(repository.directory, `refs/heads/${branch}`);
      await movingRefs(world, { repository, sender, work });
    },
    renameBranch: async (repo, from, to, options) => {
      await renameBranch(world, { ...at(repo, options?.by), from, to });
    },
    setDraft: async (repo, number, draft, options) => {
      const { repository, sender } = at(repo, options?.by);
      await setDraft(world, { repository, issue: threadOf(repository, number), sender, draft });
    },
    addComments: (repo, number, { bodies, by }) => {
      const { repository, sender } = at(repo, by);
      const issue = threadOf(repository, number);
      const now = stamp(world);
      for (const body of bodies) {
        const id = world.nextId("comment");
        const author = { userId: sender.id, appId: null };
        issue.comments.push({ id, author, body, reactions: [], createdAt: now, updatedAt: now });
      }
    },
  };
}

function accountNamed(world: World, login: string): Account {
  return must(accountByLogin(world, login), `account ${login}`);
}

async function renameBranch(
  world: World,
  input: { repository: Repository; sender: Account; from: string; to: string },
): Promise<void> {
  const { repository, sender, from, to } = input;
  const { directory } = repository;
  const sha = must(await revision(directory, `refs/heads/${from}`), `branch ${from}`);
  await movingRefs(world, { repository, sender, work: () => setRef(directory, `refs/heads/${to}`, sha) });
  if (repository.defaultBranch === from) setDefaultBranch(world, { repository, by: sender, branch: to });
  if (repository.protectedBranches.delete(from)) repository.protectedBranches.add(to);
  for (const issue of repository.issues.values()) {
    if (issue.pull?.baseRef === from && issue.state === "open" && !issue.deleted)
      await retarget(world, { repository, issue, sender, base: to });
  }
  await movingRefs(world, { repository, sender, work: () => deleteRef(directory, `refs/heads/${from}`) });
}
