import type { Deps } from "../deps.ts";
import { endSessionsOfRepositories } from "../sessions/session-store.ts";
import { cancelTasks } from "../tasks/cancel-task.ts";
import {
  findAccountOfInstallation,
  removeInstallation,
  removeRepositories,
  storeInstallation,
  storeRepositories,
  updateRepository,
  upsertAccount,
} from "../tasks/tenant-store.ts";
import { listUnreported, unmarkReported } from "../tasks/unreported-store.ts";
import {
  installationChanged,
  installationRepositoriesChanged,
  repositoryChanged,
  type InstallationChanged,
} from "./payloads.ts";

export type InstallationDeps = Pick<Deps, "db" | "system" | "queue" | "config" | "plans">;

/**
 * Keeps account, installation and repositories in step with GitHub. Every action carries the whole state, so
 * the order in which deliveries arrive matters only for removal, which is final.
 */
export async function onInstallation(deps: InstallationDeps, payload: unknown): Promise<string> {
  const event = installationChanged.parse(payload);
  const accountId = await keepInstallation(deps, event);
  const installationId = event.installation.id;
  if (event.action === "deleted") {
    await cancelTasks(deps, { accountId, scope: { installationId }, by: "the App was uninstalled" });
    await endSessions(deps, await removeInstallation(deps.system, installationId));
    if (deps.plans !== undefined) await deps.queue.enqueue(deps.system, "end-plan", { accountId });
    return "removed";
  }
  if (event.action === "suspend") {
    await suspend(deps, accountId, event);
    return "suspended";
  }
  if (event.action === "unsuspend") await reportOverdue(deps, installationId);
  await keepRepositories(deps, accountId, event);
  return event.action;
}

async function suspend(
  deps: InstallationDeps,
  accountId: string,
  { installation: { id: installationId, account, suspended_at } }: InstallationChanged,
): Promise<void> {
  const by = `${account.login} (the App was suspended)`;
  await cancelTasks(deps, { accountId, scope: { installationId }, by });
  if (typeof suspended_at === "string")
    await unmarkReported(deps.system, { installationId, since: new Date(suspended_at) });
}

/** Tasks that ended during a suspension could not say so. */
async function reportOverdue(deps: InstallationDeps, installationId: number): Promise<void> {
  for (const ref of await listUnreported(deps.system, { installationId }))
    await deps.queue.enqueue(deps.system, "report-task", ref, { key: ref.taskId });
}

export async function onInstallationRepositories(deps: InstallationDeps, payload: unknown): Promise<string> {
  const event = installationRepositoriesChanged.parse(payload);
  const accountId = await keepInstallation(deps, event);
  await keepRepositories(deps, accountId, { ...event, repositories: event.repositories_added });
  const removed = event.repositories_removed.map(({ id }) => id);
  if (removed.length > 0) await leave(deps, accountId, removed);
  return `added ${event.repositories_added.length}, removed ${removed.length}`;
}

/** A renamed, moved or deleted repository. Its id stays, so only its name or its end must be noted. */
export async function onRepository(deps: InstallationDeps, payload: unknown): Promise<string> {
  const event = repositoryChanged.parse(payload);
  const accountId = await findAccountOfInstallation(deps.system, event.installation.id);
  if (accountId === null) return "unknown-installation";
  const { id, name, owner, private: isPrivate } = event.repository;
  if (event.action === "deleted") await leave(deps, accountId, [id]);
  else await updateRepository(deps.system, { id, name, owner: owner.login, private: isPrivate });
  return event.action;
}

async function keepInstallation(deps: InstallationDeps, event: InstallationChanged): Promise<string> {
  const { account, id, permissions, repository_selection, suspended_at } = event.installation;
  const accountId = await upsertAccount(deps.system, {
    githubId: account.id,
    login: account.login,
    kind: account.type,
    maxParallelTasks: deps.config.limits.accountParallelTasks,
  });
  await storeInstallation(deps.system, {
    id,
    accountId,
    permissions,
    repositorySelection: repository_selection,
    suspendedAt: typeof suspended_at === "string" ? new Date(suspended_at) : null,
  });
  return accountId;
}

async function keepRepositories(
  deps: InstallationDeps,
  accountId: string,
  event: InstallationChanged,
): Promise<void> {
  const fallback = event.installation.account.login;
  await storeRepositories(deps.system, {
    accountId,
    installationId: event.installation.id,
    repositories: (event.repositories ?? []).map(({ id, name, full_name, private: isPrivate }) => ({
      id,
      owner: full_name.split("/")[0] ?? fallback,
      name,
      private: isPrivate,
    })),
  });
}

async function leave(deps: InstallationDeps, accountId: string, repositoryIds: number[]): Promise<void> {
  await cancelTasks(deps, {
    accountId,
    scope: { repositoryIds },
    by: "the repository left the installation",
  });
  await removeRepositories(deps.system, repositoryIds);
  await endSessions(deps, repositoryIds);
}

/** The machines of ended sessions are removed by the reaper, which is asked to come now. */
async function endSessions(deps: InstallationDeps, repositoryIds: number[]): Promise<void> {
  await endSessionsOfRepositories(deps.system, repositoryIds);
  await deps.queue.enqueue(deps.system, "reap", {});
}
