import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { account, charge, task } from "../../db/schema.ts";
import { billingTermsOf } from "../../src/billing/billing-terms.ts";
import { claimTask } from "../../src/tasks/claim-store.ts";
import { closeLeg } from "../../src/tasks/close-leg.ts";
import { findTask } from "../../src/tasks/task-store.ts";
import { updateRepositoryCaps } from "../../src/usage/cap-store.ts";
import { seedRepository, seedSession, seedTask, type Seeded } from "../cli/seed.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const usd = 1_000_000;

let home: TestDatabase;
let at: Seeded;

beforeEach(async () => {
  home = await createTestDatabase();
  at = await seedRepository(home.database, { owner: "acme", name: "widgets" });
  await home.database.system.update(account).set({ maxParallelTasks: 1_000 });
});
afterEach(() => home.close());

const context = {
  repository: { owner: "acme", name: "widgets" },
  issue: {
    ...{ number: 1, id: 1, url: "https://github.com/acme/widgets/issues/1", title: "Turn", body: "" },
    ...{ author: "alice", authorMayWrite: true },
  },
  ...{ comments: [], attachments: [], pull: null, review: null, checks: null },
  ...{ base: { ref: "main", sha: "0".repeat(40) }, leftOutComments: 0, hiddenPieces: 0 },
};

async function ask(budgetMicroUsd = 5 * usd): Promise<string> {
  const sessionId = await seedSession(home.database, at);
  return seedTask(home.database, { ...at, sessionId }, { context, budgetMicroUsd });
}

const claim = (taskId: string, defaultMonthMicroUsd = 50 * usd) =>
  withAccount(home.database.db, at.accountId, (tx) =>
    claimTask(tx, { taskId, accountId: at.accountId }, { defaultMonthMicroUsd }),
  );

const noticeOf = async (taskId: string) =>
  withAccount(
    home.database.db,
    at.accountId,
    async (tx) => (await findTask(tx, taskId))?.notices.cap ?? null,
  );

test("60 starts at once against a budget for 10 give 10; the next one begins when one has ended", async () => {
  const asked: string[] = [];
  for (let nth = 0; nth < 60; nth += 1) asked.push(await ask());
  const claims = await Promise.all(asked.map((taskId) => claim(taskId)));
  expect(claims.filter(({ ok }) => ok)).toHaveLength(10);
  const held = asked.filter((_, index) => claims[index]?.ok !== true);
  const [first = "", second = ""] = held;
  expect(await noticeOf(first)).toContain("begins as soon as there is room");
  const [running = ""] = asked.filter((_, index) => claims[index]?.ok === true);
  await home.database.system
    .update(task)
    .set({ status: "completed", finishedAt: sql`now()` })
    .where(eq(task.id, running));
  expect(await claim(first)).toMatchObject({ ok: true });
  expect(await noticeOf(first)).toBeNull();
  expect(await claim(second)).toMatchObject({ ok: false, reason: "cap-reached", news: false });
});

test("a repository's own budget holds its tasks back, and says so once", async () => {
  await withAccount(home.database.db, at.accountId, (tx) =>
    updateRepositoryCaps(tx, { repositoryId: at.repositoryId, caps: { month: 8 * usd } }),
  );
  const [one, two] = [await ask(), await ask()];
  expect(await claim(one)).toMatchObject({ ok: true });
  expect(await claim(two)).toMatchObject({ reason: "cap-reached", news: true });
  expect(await claim(two)).toMatchObject({ reason: "cap-reached", news: false });
  expect(await noticeOf(two)).toContain("this repository's budget for");
});

test("a task that may cost more than a budget ever has waits for the budget, a cheaper one begins", async () => {
  const [dear, cheap] = [await ask(60 * usd), await ask(usd)];
  expect(await claim(dear)).toMatchObject({ reason: "cap-reached" });
  expect(await noticeOf(dear)).toContain("asks for a cheaper one");
  expect(await claim(cheap)).toMatchObject({ ok: true });
  expect(await claim(dear, 100 * usd)).toMatchObject({ ok: true });
});

test("a leg is charged once, however often its end is recorded", async () => {
  const taskId = await ask();
  const claimed = await claim(taskId);
  if (!claimed.ok) throw new Error("expected a claim");
  const close = () =>
    withAccount(home.database.db, at.accountId, (tx) =>
      closeLeg(tx, {
        ...{
          task: claimed.task,
          end: { kind: "no-changes" },
          lost: false,
          terms: billingTermsOf({ billing: null }),
          now: new Date(),
        },
        defaultMonthMicroUsd: 50 * usd,
      }),
    );
  expect(await Promise.all([close(), close()])).toMatchObject([{ charged: false }, { charged: false }]);
  expect(await home.database.system.select().from(charge)).toMatchObject([{ taskId, leg: 1, revision: 1 }]);
});
