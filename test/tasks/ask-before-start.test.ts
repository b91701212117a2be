import { sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { charge, repository } from "../../db/schema.ts";
import { showsAmounts } from "../../src/tasks/amounts-store.ts";
import { askBeforeStart } from "../../src/tasks/ask-before-start.ts";
import { estimateCost } from "../../src/tasks/estimate-cost-store.ts";
import { repositoryMoneyOf } from "../../src/tasks/repository-money.ts";
import { updateRepositoryCaps } from "../../src/usage/cap-store.ts";
import { seedRepository, seedSession, seedTask, type Seeded } from "../cli/seed.ts";
import { mergeFiles } from "../support/settings-files.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const usd = 1_000_000;

let home: TestDatabase;
let at: Seeded;

beforeAll(async () => {
  home = await createTestDatabase();
  at = await seedRepository(home.database, { owner: "acme", name: "widgets" });
});
afterAll(() => home.close());

/** A finished task of two legs that cost this much together. */
async function finished(priceMicroUsd: number): Promise<void> {
  const sessionId = await seedSession(home.database, at);
  const startedAt = new Date();
  const taskId = await seedTask(
    home.database,
    { ...at, sessionId },
    { status: "completed", startedAt, finishedAt: startedAt },
  );
  for (const leg of [1, 2])
    await home.database.system.insert(charge).values({
      ...{ id: uuidv7(), accountId: at.accountId, taskId, sessionId, repositoryId: at.repositoryId },
      ...{ requesterId: 1, leg, lastAttempt: leg, kind: "charge", reason: "done", card: "2026-11" },
      ...{ costMicroUsd: priceMicroUsd / 2, priceMicroUsd: priceMicroUsd / 2, amountCents: 1 },
    });
}

const ask = (aboveMicroUsd: number | null, { budget = 5 * usd, amounts = true } = {}) =>
  withAccount(home.database.db, at.accountId, (tx) =>
    askBeforeStart(tx, {
      task: { ...at, budgetMicroUsd: budget },
      ...{ aboveMicroUsd, amounts, now: new Date("2026-11-23T10:00:00Z") },
    }),
  );

test("a task is asked about before it begins when tasks here often cost more than the settings let pass", async () => {
  await finished(usd);
  await finished(2 * usd);
  expect(await ask(1 * usd), "two tasks say little").toBeNull();
  await finished(4 * usd);
  expect(await withAccount(home.database.db, at.accountId, (tx) => estimateCost(tx, at))).toEqual({
    ...{ typicalMicroUsd: 2 * usd, longMicroUsd: 3.6 * usd },
  });
  expect(await ask(3 * usd)).toMatchObject({
    kind: "cost",
    text: expect.stringContaining("cost up to $2.00, nine in ten up to $3.60") as string,
    expiresAt: "2026-11-30T10:00:00.000Z",
  });
  expect((await ask(3 * usd, { amounts: false }))?.text).not.toContain("$");
  expect(await ask(4 * usd), "it is likely to stay below").toBeNull();
  expect(await ask(3 * usd, { budget: 3 * usd }), "it cannot cost more").toBeNull();
  expect(await ask(null)).toBeNull();
});

test("amounts are shown on a private repository, and on a public one whose settings say so", async () => {
  const shows = () => withAccount(home.database.db, at.accountId, (tx) => showsAmounts(tx, at.repositoryId));
  const keep = (yaml: string) =>
    withAccount(home.database.db, at.accountId, (tx) =>
      updateRepositoryCaps(tx, {
        repositoryId: at.repositoryId,
        caps: repositoryMoneyOf(mergeFiles({ own: yaml }).settings),
      }),
    );
  expect(await shows()).toBe(true);
  await home.database.system.update(repository).set({ private: sql`false` });
  expect(await shows()).toBe(false);
  await keep("public_amounts: true\nlimits: { session_budget_usd: 25 }\n");
  expect(await shows()).toBe(true);
  const [row] = await home.database.system.select().from(repository);
  expect(row?.caps).toEqual({ session: 25 * usd, publicAmounts: true });
  await keep("limits: { monthly_budget_usd_per_user: 1 }\n");
  expect(await shows()).toBe(false);
});
