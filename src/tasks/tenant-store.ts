import { and, eq, inArray, isNull, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Db, Tx } from "../../db/client.ts";
import { account, installation, repository } from "../../db/schema.ts";
import { TransientError } from "../errors.ts";

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
  // Nearly always all is known, and three writes of what stands there already are what a busy account waits for.
  return (await findTenant(system, facts)) ?? (await storeTenant(system, facts));
}

/** null where anything of the facts is new or has another name by now. */
async function findTenant(
  system: Db | Tx,
  { account: owner, ...facts }: TenantFacts,
): Promise<Tenant | null> {
  const { id, name } = facts.repository;
  const [row] = await system
    .select({
      accountId: account.id,
      suspendedAt: installation.suspendedAt,
      removedAt: sql<string | null>`coalesce(${installation.removedAt}, ${repository.removedAt})`,
    })
    .from(repository)
    .innerJoin(account, eq(account.id, repository.accountId))
    .innerJoin(installation, eq(installation.id, repository.installationId))
    .where(
      and(
        ...[eq(repository.id, id), eq(repository.owner, facts.repository.owner), eq(repository.name, name)],
        ...[eq(repository.private, facts.repository.private), eq(installation.id, facts.installationId)],
        ...[
          eq(account.githubId, owner.githubId),
          eq(account.login, owner.login),
          eq(account.kind, owner.kind),
        ],
      ),
    );
  if (row === undefined) return null;
  const { accountId, suspendedAt, removedAt } = row;
  return { accountId, suspended: suspendedAt !== null, removed: removedAt !== null };
}

async function storeTenant(system: Db | Tx, facts: TenantFacts): Promise<Tenant> {
  const accountId = await upsertAccount(system, facts.account);
  const { installationId } = facts;
  await system
    .insert(installation)
    .values({ id: installationId, accountId, repositorySelection: "selected", permissions: {} })
    .onConflictDoNothing();
  const { id, ...current } = { ...facts.repository, accountId, installationId };
  await system
    .insert(repository)
    .values({ id, ...current })
    .onConflictDoUpdate({ target: repository.id, set: { ...current, updatedAt: sql`now()` } });
  const stored = await findTenant(system, facts);
  if (stored === null) throw new TransientError(`repository ${id} was changed by another delivery just now`);
  return stored;
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
