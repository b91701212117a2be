import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { emitThread } from "./emit.ts";
import { accountFacts, installedRepositories } from "./facts.ts";
import { openPullsFrom } from "./forks.ts";
import { tellRepositories } from "./installations.ts";
import { setState } from "./issue-state.ts";
import type { JsonObject } from "./json.ts";
import type { Account, Installation, Repository } from "./state.ts";
import { fullName, ownerOf } from "./world.ts";
import type { World } from "./world.ts";

type By = { repository: Repository; by: Account };

function tell(world: World, input: By & { action: string; facts?: JsonObject }): void {
  const { repository, by, action, facts = {} } = input;
  world.emit({ event: "repository", action, repository, sender: by, facts });
}

function reaching(world: World, repository: Repository): Installation[] {
  return [...world.installations.values()].filter((installation) =>
    installedRepositories(world, installation).includes(repository),
  );
}

/** Apps installed on everything hear of a new repository. */
export function announceRepository(world: World, { repository, by }: By): void {
  for (const installation of reaching(world, repository)) {
    tellRepositories(world, installation, { action: "added", added: [repository], removed: [], by });
  }
  tell(world, { repository, by, action: "created" });
}

/** Gives a repository a new name; the old one leads to it as long as nobody else takes it. */
export function renameRepository(world: World, { repository, by, name }: By & { name: string }): void {
  const from = repository.name;
  world.formerNames.set(fullName(world, repository).toLowerCase(), repository.id);
  repository.name = name;
  tell(world, { repository, by, action: "renamed", facts: { changes: { repository: { name: { from } } } } });
}

export function setVisibility(world: World, input: By & { visibility: "public" | "private" }): void {
  input.repository.isPrivate = input.visibility === "private";
  tell(world, { ...input, action: input.visibility === "private" ? "privatized" : "publicized" });
}

export function archiveRepository(world: World, input: By): void {
  input.repository.archived = true;
  tell(world, { ...input, action: "archived" });
}

/** Makes another branch the default one. */
export function setDefaultBranch(world: World, { repository, by, branch }: By & { branch: string }): void {
  const from = repository.defaultBranch;
  repository.defaultBranch = branch;
  writeFileSync(join(repository.directory, "HEAD"), `ref: refs/heads/${branch}\n`);
  tell(world, { repository, by, action: "edited", facts: { changes: { default_branch: { from } } } });
}

/** Deletes a repository: the Apps hear of it, then nobody finds it; pull requests from it close. */
export function deleteRepository(world: World, { repository, by }: By): void {
  const orphans = openPullsFrom(world, repository).filter((open) => open.repository !== repository);
  for (const { issue } of orphans) setState(world, { issue, state: "closed", byId: by.id });
  world.later(async () => {
    for (const open of orphans) await emitThread(world, { ...open, action: "closed", sender: by });
  });
  tell(world, { repository, by, action: "deleted" });
  for (const installation of reaching(world, repository)) {
    tellRepositories(world, installation, { action: "removed", added: [], removed: [repository], by });
    installation.repositoryIds.delete(repository.id);
  }
  world.repositories.delete(repository.id);
}

/** Moves a repository to another account: the old one's installations lose it. */
export function transferRepository(world: World, { repository, by, to }: By & { to: Account }): void {
  const losing = reaching(world, repository);
  const former = ownerOf(world, repository);
  world.formerNames.set(fullName(world, repository).toLowerCase(), repository.id);
  for (const installation of losing) {
    tellRepositories(world, installation, { action: "removed", added: [], removed: [repository], by });
    installation.repositoryIds.delete(repository.id);
  }
  repository.ownerId = to.id;
  for (const installation of reaching(world, repository)) {
    tellRepositories(world, installation, { action: "added", added: [repository], removed: [], by });
  }
  const kind = former.type === "Organization" ? "organization" : "user";
  const facts = { changes: { owner: { from: { [kind]: accountFacts(world, former) } } } };
  tell(world, { repository, by, action: "transferred", facts });
}
