import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { account, audit } from "../../db/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { runCommand } from "./run-command.ts";
import { seedRepository, type Seeded } from "./seed.ts";

let t: TestDatabase;
let dataDir: string;
let at: Seeded;

beforeAll(async () => {
  t = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "rc-budget-"));
  at = await seedRepository(t.database, { owner: "acme", name: "widgets" });
});
afterAll(async () => {
  await t.close();
  await rm(dataDir, { recursive: true });
});

const run = (...args: string[]) =>
  runCommand(["account", "budget", ...args], {
    env: { DATABASE_URL: t.url, LOG_LEVEL: "silent", DATA_DIR: dataDir, ACCOUNT_MONTHLY_BUDGET_USD: "70" },
    now: new Date(),
  });
const stored = async () => {
  const [row] = await t.database.system.select().from(account).where(eq(account.id, at.accountId));
  return row?.monthlyBudgetMicroUsd;
};

test("an account has the server's default until it is given its own, and can be given that back", async () => {
  expect((await run("acme")).out).toBe(
    "The tasks of acme may cost $70.00 in a calendar month, the server's default.\n",
  );
  expect((await run("acme", "200.5")).out).toBe("The tasks of acme may cost $200.50 in a calendar month.\n");
  expect(await stored()).toBe(200_500_000);
  expect(JSON.parse((await run("acme", "--json")).out)).toEqual({
    ...{ account: "acme", monthlyBudgetMicroUsd: 200_500_000, isDefault: false },
  });
  expect((await run("acme", "default")).exitCode).toBe(0);
  expect(await stored()).toBeNull();
  const acts = await t.database.system.select().from(audit).where(eq(audit.act, "operator-acted"));
  expect(acts.map(({ data }) => data)).toEqual([
    { command: "account budget", microUsd: 200_500_000 },
    { command: "account budget", microUsd: null },
  ]);
});

test.each(["0", "-1", "1.234", "lots", "1e9", "1000001"])("%s is no budget", async (dollars) => {
  const { exitCode, err } = await run("acme", "--", dollars);
  expect(exitCode).not.toBe(0);
  expect(err).toContain("Expected dollars from 0.01 to 1000000");
});

test("an account that nobody knows is an error that says how to find one", async () => {
  const { exitCode, err } = await run("nobody", "5");
  expect(exitCode).not.toBe(0);
  expect(err).toContain("remote-claude tasks");
});
