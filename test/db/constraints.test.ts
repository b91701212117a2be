import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uuidv7 } from "uuidv7";
import { isUniqueViolation, type Db } from "../../db/client.ts";
import { withOwner } from "../../db/owner-connection.ts";
import { account, delivery, event, modelCall, session, step, task, usage } from "../../db/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { newSession, newTask, newUsage, openQuestion, seedTenant, type Tenant } from "./seed.ts";

let given: TestDatabase;
let system: Db;
let tenant: Tenant;

beforeAll(async () => {
  given = await createTestDatabase();
  system = given.database.system;
});

afterAll(() => given.close());

async function refusedAs(write: Promise<unknown>, code: string, constraint?: string): Promise<void> {
  const expected = constraint === undefined ? { code } : { code, constraint };
  await expect(write).rejects.toMatchObject({ cause: expected });
}

const unique = "23505";
const check = "23514";

describe("one of a kind", () => {
  beforeAll(async () => {
    tenant = await seedTenant(system);
  });

  test("one task of a session is at work, any number waits", async () => {
    const more = () => ({ ...newTask({ ...tenant, taskId: uuidv7() }) });
    const waiting = ["queued", "queued", "waiting", "waiting"] as const;
    await system
      .insert(task)
      .values(waiting.map((status) => ({ ...more(), status, question: openQuestion })));
    await system.update(task).set({ status: "running" }).where(eq(task.id, tenant.taskId));
    for (const status of ["running", "provisioning"] as const) {
      await refusedAs(
        system.insert(task).values({ ...more(), status }),
        unique,
        "task_one_running_per_session",
      );
    }
    await system
      .update(task)
      .set({ status: "completed", finishedAt: new Date() })
      .where(eq(task.id, tenant.taskId));
    await system.insert(task).values({ ...more(), status: "provisioning" });
  });

  test("one session of an issue is open; an ended one makes room, its branch stays taken", async () => {
    const next = () => newSession({ ...tenant, sessionId: uuidv7() });
    await refusedAs(system.insert(session).values(next()), unique, "session_one_open_per_issue");
    await system.insert(session).values({ ...next(), issueNumber: 2 });
    for (const status of ["terminated", "failed"] as const) {
      await system.update(session).set({ status }).where(eq(session.issueNumber, 1));
      const inserted = next();
      await system.insert(session).values(inserted);
      const again = { ...next(), issueNumber: 3, branch: inserted.branch };
      await refusedAs(system.insert(session).values(again), unique, "session_branch_once");
    }
  });

  test("a sandbox belongs to one session", async () => {
    const place = { sandboxProvider: "local", sandboxId: "box-1" };
    await system
      .insert(session)
      .values({ ...newSession({ ...tenant, sessionId: uuidv7() }), issueNumber: 4, ...place });
    const second = { ...newSession({ ...tenant, sessionId: uuidv7() }), issueNumber: 5, ...place };
    await refusedAs(system.insert(session).values(second), unique, "session_sandbox_once");
  });

  test("a request makes one task, under whatever delivery it comes", async () => {
    const [first] = await system.select().from(task).limit(1);
    const replay = { ...newTask({ ...tenant, taskId: uuidv7() }), businessKey: first?.businessKey ?? "" };
    await refusedAs(system.insert(task).values(replay), unique, "task_business_key_unique");
  });

  test("a delivery is stored once by its id and once by what it asks for; those that ask for nothing are free", async () => {
    const stored = (id: string, businessKey: string | null) =>
      ({
        id,
        businessKey,
        event: "ping",
        payload: Buffer.from("x"),
        source: "webhook",
        status: "stored",
      }) as const;
    await system.insert(delivery).values([stored("d1", "k1"), stored("d2", null), stored("d3", null)]);
    await refusedAs(system.insert(delivery).values(stored("d1", null)), unique, "delivery_pkey");
    await refusedAs(
      system.insert(delivery).values(stored("d4", "k1")),
      unique,
      "delivery_business_key_unique",
    );
  });

  test("a line of the log, a step and a metered call are recorded once", async () => {
    const ofTask = { accountId: tenant.accountId, taskId: tenant.taskId, fence: 1 };
    const line = { ...ofTask, sequence: 1, kind: "text", data: {} };
    await refusedAs(system.insert(event).values(line), unique, "event_once");
    await refusedAs(system.insert(step).values({ ...ofTask, name: "push", status: "started" }), unique);
    const [charged] = await system.select().from(usage).where(eq(usage.taskId, tenant.taskId));
    const twice = newUsage(tenant, charged?.modelCallId ?? "");
    await refusedAs(system.insert(usage).values(twice), unique, "usage_once");
  });

  test("a refusal tells which rule it was", async () => {
    const error: unknown = await system
      .insert(usage)
      .select(system.select().from(usage))
      .catch((thrown: unknown) => thrown);
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(error, "usage_pkey")).toBe(true);
    expect(isUniqueViolation(error, "task_pkey")).toBe(false);
  });
});

describe("what cannot be true is refused", () => {
  beforeAll(async () => {
    tenant = await seedTenant(system);
  });

  test.each([
    ["update account set kind = 'Bot'", "account_kind_known"],
    ["update account set max_parallel_tasks = 0", "account_max_parallel_tasks"],
    ["update installation set repository_selection = 'some'", "installation_selection_known"],
    ["update session set status = 'sleeping'", "session_status_known"],
    ["update session set branch = 'main'", "session_branch_prefix"],
    ["update task set status = 'pending'", "task_status_known"],
    ["update task set trigger = 'telepathy'", "task_trigger_known"],
    ["update task set budget_micro_usd = 0", "task_budget_positive"],
    ["update task set status = 'completed', finished_at = null", "task_finished_has_time"],
    ["update task set status = 'queued', finished_at = now()", "task_finished_has_time"],
    ["update step set status = 'half'", "step_status_known"],
    ["update step set status = 'done', finished_at = null", "step_done_has_time"],
    ["update model_call set status = 'free'", "model_call_status_known"],
    ["update model_call set status = 'settled', cost_micro_usd = null", "model_call_settled_has_cost"],
  ])("%s", async (statement, constraint) => {
    await refusedAs(system.execute(sql.raw(`${statement} where ${ofTenant(statement)}`)), check, constraint);
  });

  test("our own fault is never charged, and no price is below nothing", async () => {
    const charged = { ...newUsage(tenant, uuidv7()), fault: "platform" } as const;
    await refusedAs(system.insert(usage).values(charged), check, "usage_platform_is_free");
    const negative = { ...newUsage(tenant, uuidv7()), priceMicroUsd: -1 };
    await refusedAs(system.insert(usage).values(negative), check, "usage_not_negative");
    await system.insert(usage).values({ ...charged, priceMicroUsd: 0 });
  });

  test("a delivery of unknown source or state", async () => {
    const stored = {
      id: uuidv7(),
      event: "ping",
      payload: Buffer.from("x"),
      source: "webhook",
      status: "stored",
    } as const;
    await refusedAs(
      system.insert(delivery).values({ ...stored, source: sql`'guessed'` }),
      check,
      "delivery_source_known",
    );
    await refusedAs(
      system.insert(delivery).values({ ...stored, status: sql`'lost'` }),
      check,
      "delivery_status_known",
    );
  });

  test("a task of a session of another account", async () => {
    const other = await seedTenant(system);
    const foreign = newTask({ ...tenant, taskId: uuidv7(), sessionId: other.sessionId });
    await refusedAs(system.insert(task).values(foreign), "23503");
  });

  test("an account that still has something", async () => {
    await refusedAs(system.delete(account).where(eq(account.id, tenant.accountId)), "23503");
    await refusedAs(system.delete(task).where(eq(task.id, tenant.taskId)), "23503");
  });
});

describe("the ledger only grows", () => {
  beforeAll(async () => {
    tenant = await seedTenant(system);
  });

  test.each([
    "update usage set price_micro_usd = 0",
    "delete from usage",
    "truncate usage",
    "delete from usage where false",
  ])("%s is refused even for the owner", async (statement) => {
    await withOwner(given.url, async (db) => {
      const before = await db.$count(usage);
      await refusedAs(db.execute(sql.raw(statement)), "23001");
      await expect(db.execute(sql.raw(statement))).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/^usage is append-only: \w+ refused/) as string },
      });
      expect(await db.$count(usage)).toBe(before);
    });
  });

  test("not by an upsert either, while a repeated insert that changes nothing passes", async () => {
    const [row] = await system.select().from(usage).where(eq(usage.taskId, tenant.taskId));
    if (row === undefined) throw new Error("expected the seeded usage");
    await system.insert(usage).values(row).onConflictDoNothing();
    const overwrite = system
      .insert(usage)
      .values(row)
      .onConflictDoUpdate({ target: usage.id, set: { priceMicroUsd: 0 } });
    await refusedAs(overwrite, "42501");
  });

  test("a call can be metered while it runs, unlike the ledger", async () => {
    await system.update(modelCall).set({ costMicroUsd: 7 }).where(eq(modelCall.taskId, tenant.taskId));
  });
});

function ofTenant(statement: string): string {
  const table = statement.split(" ")[1];
  return table === "account" ? `id = '${tenant.accountId}'` : `account_id = '${tenant.accountId}'`;
}
