import { installedRepositories } from "./facts.ts";
import { repositoryMention } from "./facts-repository.ts";
import type { Account, App, Installation, Permissions, Repository } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

/** Installs an App on an account and tells it. */
export function addInstallation(
  world: World,
  input: {
    app: App;
    account: Account;
    repositories: "all" | readonly Repository[];
    by: Account;
    permissions?: Permissions | undefined;
  },
): Installation {
  const { app, account, repositories, by } = input;
  const now = stamp(world);
  const installation: Installation = {
    id: world.nextId("installation"),
    appId: app.id,
    accountId: account.id,
    selection: repositories === "all" ? "all" : "selected",
    repositoryIds: new Set(repositories === "all" ? [] : repositories.map(({ id }) => id)),
    permissions: { metadata: "read", ...(input.permissions ?? app.permissions) },
    events: [...app.events],
    suspendedAt: null,
    suspendedBy: null,
    createdAt: now,
    updatedAt: now,
  };
  world.installations.set(installation.id, installation);
  emitInstallation(world, installation, "created", by);
  return installation;
}

/** Uninstalls: the App is told, its tokens open nothing any more. */
export function removeInstallation(world: World, installation: Installation, by: Account): void {
  emitInstallation(world, installation, "deleted", by);
  world.installations.delete(installation.id);
}

/** The owner accepts (or the App now asks for) other permissions; the App is told. */
export function acceptPermissions(
  world: World,
  installation: Installation,
  input: { permissions: Permissions; by: Account },
): void {
  installation.permissions = { metadata: "read", ...input.permissions };
  installation.updatedAt = stamp(world);
  emitInstallation(world, installation, "new_permissions_accepted", input.by);
}

export function setSuspended(
  world: World,
  installation: Installation,
  input: { suspended: boolean; by: Account },
): void {
  if ((installation.suspendedAt !== null) === input.suspended) return;
  installation.suspendedAt = input.suspended ? stamp(world) : null;
  installation.suspendedBy = input.suspended ? input.by.id : null;
  installation.updatedAt = stamp(world);
  emitInstallation(world, installation, input.suspended ? "suspend" : "unsuspend", input.by);
}

/** Changes which repositories of the account the App reaches, and tells it what came and went. */
export function setInstalledRepositories(
  world: World,
  installation: Installation,
  input: { repositories: "all" | readonly Repository[]; by: Account },
): void {
  const before = installedRepositories(world, installation);
  installation.selection = input.repositories === "all" ? "all" : "selected";
  installation.repositoryIds = new Set(
    input.repositories === "all" ? [] : input.repositories.map(({ id }) => id),
  );
  installation.updatedAt = stamp(world);
  const after = installedRepositories(world, installation);
  const added = after.filter((repository) => !before.includes(repository));
  const removed = before.filter((repository) => !after.includes(repository));
  if (added.length > 0)
    tellRepositories(world, installation, { action: "added", added, removed: [], by: input.by });
  if (removed.length > 0)
    tellRepositories(world, installation, { action: "removed", added: [], removed, by: input.by });
}

/** Tells an App which repositories it reaches now, or no longer. */
export function tellRepositories(
  world: World,
  installation: Installation,
  input: { action: "added" | "removed"; added: Repository[]; removed: Repository[]; by: Account },
): void {
  world.emit({
    event: "installation_repositories",
    action: input.action,
    repository: null,
    sender: input.by,
    installation,
    facts: {
      repository_selection: installation.selection,
      repositories_added: input.added.map((repository) => repositoryMention(world, repository)),
      repositories_removed: input.removed.map((repository) => repositoryMention(world, repository)),
      requester: null,
    },
  });
}

function emitInstallation(world: World, installation: Installation, action: string, sender: Account): void {
  const repositories = installedRepositories(world, installation).map((item) =>
    repositoryMention(world, item),
  );
  const facts = { repositories, requester: null };
  world.emit({ event: "installation", action, repository: null, sender, installation, facts });
}
