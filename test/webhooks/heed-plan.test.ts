import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { billingAccount, delivery, ignoredTrigger, installation, task } from "../../db/schema.ts";
import { readConfig } from "../../src/config.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { claimTask } from "../../src/tasks/claim-store.ts";
import { heedPlan, stopByPlan } from "../../src/webhooks/heed-plan.ts";
import { checkPlan, mayBegin } from "../../src/webhooks/check-plan.ts";
import { seedTenant, type Tenant } from "../db/seed.ts";
import { silent } from "../queue/start-worker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const now = new Date();
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
let home: TestDatabase;
let queue: Queue;
let acme: Tenant;
let looked: string[];

beforeAll(async () => {
  home = await createTestDatabase();
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
});
afterAll(async () => {
  await queue.stop();
  await home.close();
});
beforeEach(async () => {
  looked = [];
  await home.database.system.execute(sql`delete from pgboss.job`);
  acme = await seedTenant(home.database.system);
});

const depsOf = (more: object = {}) => ({
  ...{ db: home.database.db, system: home.database.system, queue, log: silent, clock: { now: () => now } },
  config: readConfig({ PUBLIC_URL: "https://bot.example" }) as never,
  plans: { lookAgain: (id: string) => Promise.resolve(void looked.push(id)) },
  ...more,
});

async function setPlan(subscriptionStatus: string, more: object = {}): Promise<void> {
  await home.database.system
    .update(billingAccount)
    .set({ subscriptionStatus, readAt: now, ...more })
    .where(eq(billingAccount.accountId, acme.accountId));
}

const context = {
  repository: { owner: "octo", name: "hello" },
  issue: {
    ...{ number: 1, id: 1, url: "https://github.com/octo/hello/issues/1", title: "Turn", body: "" },
    ...{ author: "mona", authorMayWrite: true },
  },
  ...{ comments: [], attachments: [], pull: null, review: null, checks: null },
  ...{ base: { ref: "main", sha: "0".repeat(40) }, leftOutComments: 0, hiddenPieces: 0 },
};
const setTask = (status: "queued" | "running") =>
  home.database.system.update(task).set({ status, context }).where(eq(task.id, acme.taskId));
const cancelledBy = async () =>
  (await home.database.system.select().from(task).where(eq(task.id, acme.taskId)))[0]?.cancelRequestedBy;
const jobs = async () =>
  home.database.system.execute<{ name: string; waits: boolean }>(
    sql`select name, start_after > now() + interval '9 minutes' as waits from pgboss.job`,
  );

describe("a running task", () => {
  test.each<[string, object, "goes on" | "is stopped in ten minutes"]>([
    ["active", {}, "goes on"],
    ["trialing", { trialEndsAt: daysAgo(-3) }, "goes on"],
    ["past_due", { pastDueSince: daysAgo(1) }, "goes on"],
    ["past_due", { pastDueSince: daysAgo(9) }, "goes on"],
    ["incomplete", {}, "goes on"],
    ["paused", {}, "goes on"],
    ["hibernating", {}, "goes on"],
    ["active", { openDisputes: ["dp_1"] }, "goes on"],
    ["unpaid", { pastDueSince: daysAgo(30) }, "is stopped in ten minutes"],
    ["canceled", { endsAt: daysAgo(0) }, "is stopped in ten minutes"],
  ])("of a plan that is %s %j %s", async (status, more, what) => {
    await setTask("running");
    await setPlan(status, more);
    await heedPlan(depsOf(), acme.accountId);
    await heedPlan(depsOf(), acme.accountId);
    expect(await cancelledBy()).toBeNull();
    expect([...(await jobs())]).toEqual(what === "goes on" ? [] : [{ name: "stop-by-plan", waits: true }]);
    await stopByPlan(depsOf(), acme);
    expect(await cancelledBy()).toBe(what === "goes on" ? null : "the account's plan, which has ended");
  });

  test("goes on when the plan is back before the ten minutes are over, and where nobody is billed", async () => {
    await setTask("running");
    await setPlan("canceled");
    await heedPlan(depsOf(), acme.accountId);
    await setPlan("active");
    await stopByPlan(depsOf(), acme);
    await setPlan("canceled");
    await stopByPlan(depsOf({ plans: undefined }), acme);
    expect(await cancelledBy()).toBeNull();
  });

  test("is stopped at once where the App is suspended or gone", async () => {
    await setTask("running");
    await setPlan("active");
    const mine = eq(installation.id, acme.installationId);
    await home.database.system.update(installation).set({ suspendedAt: now }).where(mine);
    await heedPlan(depsOf(), acme.accountId);
    expect(await cancelledBy()).not.toBeNull();
  });
});

describe("at the claim", () => {
  const claim = (plan: { publicUrl: string | null; now: Date } | null) =>
    withAccount(home.database.db, acme.accountId, (tx) =>
      claimTask(tx, acme, { defaultMonthMicroUsd: 1_000_000_000, plan }),
    );
  const billed = { publicUrl: "https://bot.example", now };

  test("a task waits for the plan, says so once, and begins when it is back", async () => {
    await setTask("queued");
    await setPlan("canceled");
    expect(await claim(billed)).toMatchObject({ ok: false, reason: "cap-reached", news: true });
    expect(await claim(billed)).toMatchObject({ ok: false, reason: "cap-reached", news: false });
    const [row] = await home.database.system.select().from(task).where(eq(task.id, acme.taskId));
    expect(row?.notices.cap).toContain("[an owner](https://bot.example/billing/octo)");
    expect(row?.notices.cap).not.toMatch(/stripe|\$/i);
    await setPlan("active");
    expect(await claim(billed)).toMatchObject({ ok: true });
  });

  test("one that has begun is claimed again whatever the plan says, and nothing is asked where nobody is billed", async () => {
    await setPlan("canceled");
    await setTask("running");
    expect(await claim(billed)).toMatchObject({ ok: true });
    await setTask("queued");
    expect(await claim(null)).toMatchObject({ ok: true });
  });
});

describe("at the trigger", () => {
  const said: string[] = [];
  const admitted = {
    get tenant() {
      return { accountId: acme.accountId, suspended: false, removed: false };
    },
    reply: (text: string) => Promise.resolve(void said.push(text)),
    decline: () => Promise.resolve(void said.push("😕")),
  };
  const ask = async (deliveryId: string, deps = depsOf()): Promise<string[]> => {
    said.length = 0;
    await checkPlan(deps, { deliveryId }, admitted).catch((error: unknown) => {
      expect(error).toMatchObject({ code: "no-plan" });
      said.push("refused");
    });
    return [...said];
  };

  test("the notice is said by one delivery of the day, each time that one is handled; others get a face", async () => {
    await setPlan("canceled");
    const notice = expect.stringContaining("has ended") as unknown;
    expect(await ask("d1")).toEqual([notice, "refused"]);
    expect(await ask("d1")).toEqual([notice, "refused"]);
    expect(await ask("d2")).toEqual(["😕", "refused"]);
    const tomorrow = depsOf({ clock: { now: () => daysAgo(-1) } });
    await setPlan("canceled", { readAt: daysAgo(-1) });
    expect(await ask("d3", tomorrow)).toEqual([notice, "refused"]);
    expect(looked).toHaveLength(4);
  });

  test("what only informs is said once for its day and refuses nothing", async () => {
    await setPlan("active", { endsAt: daysAgo(-3) });
    expect(await ask("d1")).toEqual([expect.stringContaining("ends on")]);
    expect(await ask("d2")).toEqual([]);
    await setPlan("active");
    expect(await ask("d3", depsOf())).toEqual([]);
  });

  test("a no is looked up once more before it is said", async () => {
    await setPlan("canceled");
    const lookAgain = () => setPlan("active");
    expect(await ask("d1", depsOf({ plans: { lookAgain } }))).toEqual([]);
  });

  test("what is known is said where Stripe cannot be asked", async () => {
    await setPlan("canceled");
    const lookAgain = () => Promise.reject(new Error("away"));
    const said = [expect.stringContaining("has ended"), "refused"];
    expect(await ask("d1", depsOf({ plans: { lookAgain } }))).toEqual(said);
  });

  test("what nobody asked for does not begin, and nobody is told", async () => {
    await setPlan("unpaid");
    expect(await mayBegin(depsOf(), acme.accountId)).toBe(false);
    expect(await mayBegin(depsOf({ plans: undefined }), acme.accountId)).toBe(true);
    expect(await ask("d1", depsOf({ plans: undefined }))).toEqual([]);
  });
});

test("what was refused for the plan begins when it is back: the newest of a thread, once, and nothing older than a day", async () => {
  const { system } = home.database;
  const refuse = async (id: string, issueNumber: number, at: Date, reason = "no-plan") => {
    const row = { id, event: "issue_comment", payload: Buffer.from("{}"), source: "webhook" as const };
    await system.insert(delivery).values({ ...row, status: "done" });
    await system.insert(ignoredTrigger).values({
      ...{
        deliveryId: id,
        accountId: acme.accountId,
        repositoryId: acme.repositoryId,
        issueNumber,
        reason,
        at,
      },
      ...{ what: "comment", actorId: 7, actorLogin: "mona" },
    });
  };
  await refuse(`old ${acme.taskId}`, 3, daysAgo(1.1));
  await refuse(`first ${acme.taskId}`, 1, daysAgo(0.2));
  await refuse(`second ${acme.taskId}`, 1, daysAgo(0.1));
  await refuse(`other ${acme.taskId}`, 2, daysAgo(0.1));
  await refuse(`role ${acme.taskId}`, 2, daysAgo(0.1), "no-write-access");
  await setPlan("canceled");
  await heedPlan(depsOf(), acme.accountId);
  const begun = async () =>
    [
      ...(await system.execute(sql`select data->>'deliveryId' as id from pgboss.job where name = 'intake'`)),
    ].map(({ id }) => String(id).split(" ")[0]);
  expect(await begun()).toEqual([]);
  await setPlan("active");
  await heedPlan(depsOf(), acme.accountId);
  await heedPlan(depsOf(), acme.accountId);
  expect((await begun()).toSorted()).toEqual(["other", "second"]);
  const left = await system.select().from(ignoredTrigger).where(eq(ignoredTrigger.accountId, acme.accountId));
  expect(left.map(({ deliveryId }) => deliveryId.split(" ")[0]).toSorted()).toEqual([
    "ignored",
    "old",
    "role",
  ]);
});
