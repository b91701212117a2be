import { and, eq, inArray, isNull, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Db, Tx } from "../../db/client.ts";
import { account, installation, repository } from "../../db/schema.ts";

export type TenantFacts = {
  account: { githubId: number; login: string; kind: "Organization" | "User"; maxParallelTasks: number };
  installationId: number;
  repository: { id: number; owner: string; name: string; private: boolean };
};

export type Tenant = { accountId: string; suspended: boolean; removed: boolean };

/**
 * Brings account, installation and repository of a signed payload into the database, so that a trigger that
 * overtakes its installation event still finds its place. Runs as the system role.
 */
export async function ensureTenant(system: Db | Tx, facts: TenantFacts): Promise<Tenant> {
  const accountId = await upsertAccount(system, facts.account);
  await system
    .insert(installation)
    .values({ id: facts.installationId, accountId, repositorySelection: "selected", permissions: {} })
    .onConflictDoNothing();
  const { id, owner, name } = facts.repository;
  await system
    .insert(repository)
    .values({
      id,
      accountId,
      installationId: facts.installationId,
      owner,
      name,
      private: facts.repository.private,
    })
    .onConflictDoUpdate({
      target: repository.id,
      set: {
        accountId,
        installationId: facts.installationId,
        owner,
        name,
        private: facts.repository.private,
        updatedAt: sql`now()`,
      },
    });
  const state = await system
    .select({ suspendedAt: installation.suspendedAt, removedAt: installation.removedAt })
    .from(installation)
    .where(eq(installation.id, facts.installationId));
  const removedRepository = await system
    .select({ id: repository.id })
    .from(repository)
    .where(and(eq(repository.id, id), isNull(repository.removedAt)));
  return {
    accountId,
    suspended: (state[0]?.suspendedAt ?? null) !== null,
    removed: (state[0]?.removedAt ?? null) !== null || removedRepository.length === 0,
  };
}

/** Finds or makes the account of a GitHub organisation or user; its login follows a rename. */
export async function upsertAccount(system: Db | Tx, facts: TenantFacts["account"]): Promise<string> {
  const rows = await system
    .insert(account)
    .values({ id: uuidv7(), ...facts })
    .onConflictDoUpdate({ target: account.githubId, set: { login: facts.login, kind: facts.kind } })
    .returning({ id: account.id });
  const row = rows[0];
  if (row === undefined) throw new Error("the account upsert gave no row");
  return row.id;
}

export async function findAccountLogin(tx: Tx, accountId: string): Promise<string> {
  const [row] = await tx.select({ login: account.login }).from(account).where(eq(account.id, accountId));
  if (row === undefined) throw new Error(`account ${accountId} is gone`);
  return row.login;
}

export async function findAccountOfInstallation(system: Db, installationId: number): Promise<string | null> {
  const [row] = await system
    .select({ accountId: installation.accountId })
    .from(installation)
    .where(eq(installation.id, installationId));
  return row?.accountId ?? null;
}

type InstallationState = Pick<
  typeof installation.$inferInsert,
  "id" | "accountId" | "permissions" | "repositorySelection" | "suspendedAt"
>;

export async function storeInstallation(system: Db, state: InstallationState): Promise<void> {
  await system
    .insert(installation)
    .values(state)
    .onConflictDoUpdate({ target: installation.id, set: { ...state, updatedAt: sql`now()` } });
}

/** Marks an installation and all its repositories as removed; answers the repositories' ids. */
export async function removeInstallation(system: Db, installationId: number): Promise<number[]> {
  await system
    .update(installation)
    .set({ removedAt: sql`coalesce(removed_at, now())`, updatedAt: sql`now()` })
    .where(eq(installation.id, installationId));
  const rows = await system
    .select({ id: repository.id })
    .from(repository)
    .where(eq(repository.installationId, installationId));
  const ids = rows.map(({ id }) => id);
  await removeRepositories(system, ids);
  return ids;
}

export async function removeRepositories(system: Db, repositoryIds: readonly number[]): Promise<void> {
  if (repositoryIds.length === 0) return;
  await system
    .update(repository)
    .set({ removedAt: sql`now()`, updatedAt: sql`now()` })
    .where(and(inArray(repository.id, [...repositoryIds]), isNull(repository.removedAt)));
}

type RepositoryFacts = { id: number; owner: string; name: string; private: boolean };

/** Stores repositories that the installation now covers; one that was removed before is back. */
export async function storeRepositories(
  system: Db,
  input: { accountId: string; installationId: number; repositories: readonly RepositoryFacts[] },
): Promise<void> {
  if (input.repositories.length === 0) return;
  const { accountId, installationId } = input;
  await system
    .insert(repository)
    .values(input.repositories.map((facts) => ({ ...facts, accountId, installationId })))
    .onConflictDoUpdate({
      target: repository.id,
      set: {
        accountId: sql`excluded.account_id`,
        installationId: sql`excluded.installation_id`,
        owner: sql`excluded.owner`,
        name: sql`excluded.name`,
        private: sql`excluded.private`,
        removedAt: null,
        updatedAt: sql`now()`,
      },
    });
}

/** A repository that was renamed, moved or made private; its id stays. */
export async function updateRepository(system: Db, facts: RepositoryFacts): Promise<void> {
  const { id, ...rest } = facts;
  await system
    .update(repository)
    .set({ ...rest, updatedAt: sql`now()` })
    .where(eq(repository.id, id));
}
