import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureTenant, removeInstallation, type TenantFacts } from "../../src/tasks/tenant-store.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let home: TestDatabase;

beforeAll(async () => {
  home = await createTestDatabase();
});
afterAll(() => home.close());

const facts: TenantFacts = {
  account: { githubId: 7, login: "octo", kind: "Organization", maxParallelTasks: 3 },
  installationId: 70,
  repository: { id: 700, owner: "octo", name: "hello", private: false },
};

test("what is known already is found without a write; a new name is written", async () => {
  const { system } = home.database;
  const tenant = await ensureTenant(system, facts);
  expect(tenant).toEqual({ accountId: expect.any(String) as string, suspended: false, removed: false });
  const before = await versions();
  expect(await ensureTenant(system, facts)).toEqual(tenant);
  expect(await versions()).toEqual(before);

  const renamed = {
    ...facts,
    account: { ...facts.account, login: "octa" },
    repository: { ...facts.repository, owner: "octa", private: true },
  };
  expect(await ensureTenant(system, renamed)).toEqual(tenant);
  const stored = await system.execute(
    sql`select a.login, r.owner, r.name, r.private from repository r join account a on a.id = r.account_id`,
  );
  expect([...stored]).toEqual([{ login: "octa", owner: "octa", name: "hello", private: true }]);
});

test("a removed installation stays removed, whoever asks", async () => {
  const { system } = home.database;
  await removeInstallation(system, facts.installationId);
  expect(await ensureTenant(system, facts)).toMatchObject({ removed: true });
  expect(await ensureTenant(system, facts)).toMatchObject({ removed: true });
});

/** The transactions that wrote the rows last. */
async function versions() {
  const rows = await home.database.system.execute(sql`
    select xmin::text as written from account union all select xmin::text from installation
    union all select xmin::text from repository`);
  return [...rows];
}
