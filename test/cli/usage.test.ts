import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { recordAudit } from "../../db/audit.ts";
import { withAccount } from "../../db/client.ts";
import { charge, modelCall, sandboxUse, session, task } from "../../db/schema.ts";
import { billingTermsOf } from "../../src/billing/billing-terms.ts";
import { closeLeg } from "../../src/tasks/close-leg.ts";
import { recordUsage } from "../../src/usage/usage-store.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { runCommand } from "./run-command.ts";
import { seedRepository, seedSession, seedTask, type Seeded } from "./seed.ts";

let t: TestDatabase;
let dataDir: string;
let at: Seeded;
let merged: string;
const taskIds: string[] = [];

beforeAll(async () => {
  t = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "rc-usage-"));
  at = await seedRepository(t.database, { owner: "acme", name: "widgets" });
  merged = await seedSession(t.database, at, { pullNumber: 13 });
  const other = await seedSession(t.database, at);
  taskIds.push(await work(merged, { requesterLogin: "=alice", legs: 2 }), await work(other, { legs: 1 }));
  await recordAudit(t.database.system, {
    ...{ accountId: at.accountId, act: "session-ended", actor: "user:1" },
    data: { session: merged, pull: 13, merged: true },
  });
});
afterAll(async () => {
  await t.close();
  await rm(dataDir, { recursive: true });
});

/** A finished task of so many legs, each with a model call of 10 cents and a machine's 30 s that cost 1 cent. */
async function work(
  sessionId: string,
  { legs, ...values }: { legs: number } & Partial<typeof task.$inferInsert>,
): Promise<string> {
  const { accountId } = at;
  const taskId = await seedTask(t.database, { ...at, sessionId }, values);
  for (let leg = 1; leg <= legs; leg += 1) {
    await t.database.system.update(task).set({ leg, fence: leg }).where(eq(task.id, taskId));
    await t.database.system.insert(modelCall).values({
      ...{ id: uuidv7(), accountId, taskId, fence: leg, model: "claude-sonnet-4-5" },
      ...{ status: "settled", reservedMicroUsd: 200_000, costMicroUsd: 100_000 },
    });
    const startedAt = new Date("2026-11-10T10:00:00Z");
    await t.database.system.insert(sandboxUse).values({
      ...{ id: uuidv7(), accountId, taskId, sessionId, attempt: leg, sequence: 1, provider: "e2b" },
      ...{ sandboxId: "m", vcpus: 2, memoryMib: 2_048, costMicroUsd: 10_000, card: "2026-11" },
      ...{ startedAt, endedAt: new Date(startedAt.getTime() + 30_000) },
    });
    await withAccount(t.database.db, accountId, async (tx) => {
      await recordUsage(tx, { taskId, accountId, sessionId, attempt: leg, fault: "none" });
      const closing = {
        id: taskId,
        accountId,
        sessionId,
        leg,
        repositoryId: at.repositoryId,
        requesterId: 1,
      };
      await closeLeg(tx, {
        ...{
          task: closing,
          end: { kind: "no-changes" },
          lost: false,
          terms: billingTermsOf({ billing: null }),
          now: new Date(),
        },
        defaultMonthMicroUsd: 50_000_000,
      });
    });
  }
  return taskId;
}

const run = (...args: string[]) =>
  runCommand(["usage", ...args], {
    env: { DATABASE_URL: t.url, LOG_LEVEL: "silent", DATA_DIR: dataDir },
    now: new Date(),
  });

const exported = z.object({ lines: z.array(z.record(z.string(), z.unknown())) });

test("each charged leg is a line with its pull request, its amounts and its machine's time, and they add up to the ledger", async () => {
  const { lines } = exported.parse(JSON.parse((await run("export", "--format", "json")).out));
  expect(lines).toMatchObject([
    {
      ...{ taskId: taskIds[0], leg: 1, account: "acme", repository: "acme/widgets", user: "=alice" },
      ...{ pullNumber: 13, url: "https://github.com/acme/widgets/pull/13", reason: "done", card: "2026-11" },
      ...{ chargeCents: 11, priceMicroUsd: 110_000, modelCostMicroUsd: 100_000 },
      ...{ machineCostMicroUsd: 10_000, machineSeconds: 30 },
    },
    { taskId: taskIds[0], leg: 2, chargeCents: 11, modelCostMicroUsd: 100_000, machineSeconds: 30 },
    {
      ...{ taskId: taskIds[1], leg: 1, pullNumber: null, user: "alice" },
      url: "https://github.com/acme/widgets/issues/7",
    },
  ]);
  const [sum] = await t.database.system.select({ cents: sql<number>`sum(amount_cents)::int` }).from(charge);
  expect(lines.reduce((total, line) => total + Number(line.chargeCents), 0)).toBe(sum?.cents);
});

test("the CSV has the same lines, and no field that a spreadsheet would run", async () => {
  const { out } = await run("export");
  const [head, first] = out.split("\r\n");
  expect(head).toBe(
    "chargedAt,account,repository,user,taskId,leg,verb,status,reason,issueNumber,pullNumber,url,card,chargeCents,priceMicroUsd,modelCostMicroUsd,machineCostMicroUsd,machineSeconds",
  );
  expect(first).toContain(",acme,acme/widgets,'=alice,");
  expect(first).toContain(",13,https://github.com/acme/widgets/pull/13,2026-11,11,110000,100000,10000,30");
});

test("the days and the account choose the lines", async () => {
  const count = async (...args: string[]) =>
    exported.parse(JSON.parse((await run("export", "--format", "json", ...args)).out)).lines.length;
  expect(await count("--to", "2026-01-31")).toBe(0);
  expect(await count("--from", "2026-01-31", "--account", "acme")).toBe(3);
  expect((await run("export", "--account", "nobody")).err).toContain("account that this server knows");
  expect((await run("export", "--from", "2026-02-30")).err).toContain("Expected a day such as");
});

test("the summary adds up by repository and by person, and says what a merged pull request cost", async () => {
  const summary: unknown = JSON.parse((await run("summary", "--json")).out);
  expect(summary).toMatchObject({
    total: { tasks: 2, chargeCents: 33, machineSeconds: 90 },
    repositories: [{ name: "acme/widgets", tasks: 2, priceMicroUsd: 330_000 }],
    users: [
      { name: "=alice", chargeCents: 22 },
      { name: "alice", chargeCents: 11 },
    ],
    mergedPulls: { count: 1, priceMicroUsd: 220_000, perPullMicroUsd: 220_000 },
  });
  const { out } = await run("summary");
  expect(out).toContain("acme/widgets");
  expect(out).toContain("1 merged pull request, $0.22 each on average.");
  expect(await t.database.system.select().from(session).where(eq(session.id, merged))).toHaveLength(1);
});
