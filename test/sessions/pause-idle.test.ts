import { eq, sql } from "drizzle-orm";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { withAccount } from "../../db/client.ts";
import { withOwner } from "../../db/owner-connection.ts";
import { sandbox, task } from "../../db/schema.ts";
import { SandboxError } from "../../src/sandbox/sandbox.ts";
import { pauseIdleSandboxes } from "../../src/sessions/pause-idle.ts";
import { recordSandbox } from "../../src/sessions/sandbox-store.ts";
import { openQuestion } from "../db/seed.ts";
import { machineRows, type Machines } from "./machine-rows.ts";

const all: Machines[] = [];
let m: Machines;

beforeEach(async () => {
  m = await machineRows();
  all.push(m);
});
afterAll(() => Promise.all(all.map((each) => each.close())));

/** Only the owner sees what others wait for. */
const blocked = sql`select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;

const pauses = () => m.cloud.calls.filter((call) => call.startsWith("pause"));

describe("an idle machine", () => {
  test("is paused with its session", async () => {
    const sessionId = await m.seedMachine("idle");
    await pauseIdleSandboxes(m.deps);
    expect(m.cloud.machines.get("idle")).toMatchObject({ state: "paused" });
    expect(await m.rowOf("idle")).toMatchObject({ status: "paused" });
    expect(await m.sessionOf(sessionId)).toMatchObject({ status: "paused", sandboxId: "idle" });
    await pauseIdleSandboxes(m.deps);
    expect(pauses()).toEqual(["pause idle"]);
  });

  test("stays awake for the idle time", async () => {
    await m.seedMachine("fresh", { usedAt: new Date(Date.now() - 4 * 60_000) });
    await pauseIdleSandboxes(m.deps);
    expect(pauses()).toEqual([]);
    const clock = { now: () => new Date(Date.now() + 61_000) };
    await pauseIdleSandboxes({ ...m.deps, clock });
    expect(pauses()).toEqual(["pause fresh"]);
  });

  test.each(["queued", "provisioning", "running"] as const)(
    "is left awake for a task that is %s",
    async (status) => {
      const sessionId = await m.seedMachine("wanted");
      await m.seedTask(sessionId, { status });
      await pauseIdleSandboxes(m.deps);
      expect(pauses()).toEqual([]);
    },
  );

  test("is paused while its task waits for a person, or has ended", async () => {
    const sessionId = await m.seedMachine("waits");
    await m.seedTask(sessionId, { status: "waiting", question: openQuestion });
    await m.seedTask(sessionId, { status: "completed", finishedAt: new Date() });
    await pauseIdleSandboxes(m.deps);
    expect(pauses()).toEqual(["pause waits"]);
  });

  test("that is gone is recorded so; the session keeps what it goes on from", async () => {
    const sessionId = await m.seedMachine("lost");
    m.cloud.machines.clear();
    await pauseIdleSandboxes(m.deps);
    expect(await m.rowOf("lost")).toMatchObject({ status: "ended", endReason: "gone" });
    expect(await m.sessionOf(sessionId)).toMatchObject({ status: "paused", endedAt: null });
  });

  test("whose pause was lost with a worker is found paused", async () => {
    await m.seedMachine("half");
    m.cloud.add("half", {}, { state: "paused" });
    await pauseIdleSandboxes(m.deps);
    expect(await m.rowOf("half")).toMatchObject({ status: "paused" });
  });
});

test("a provider that is away holds up nobody else, and is tried again", async () => {
  const sessionId = await m.seedMachine("one");
  for (const id of ["two", "three", "four"]) await m.seedMachine(id);
  await m.seedMachine("other", { provider: "spare" });
  m.spare.add("other", {});
  m.cloud.faults.set("pause", new SandboxError("transient", "502"));
  await expect(pauseIdleSandboxes(m.deps)).rejects.toMatchObject({
    message: "idle sandboxes could not be paused at cloud",
    errors: [{ message: "502" }],
  });
  // Two run at once; what comes after the first failure is left for the next round.
  expect(pauses().length).toBeLessThanOrEqual(2);
  expect(await m.rowOf("other", "spare")).toMatchObject({ status: "paused" });
  expect(await m.rowOf("one")).toMatchObject({ status: "running" });
  expect(await m.sessionOf(sessionId)).toMatchObject({ status: "active" });
  m.cloud.faults.clear();
  await pauseIdleSandboxes(m.deps);
  expect(await m.rowOf("one")).toMatchObject({ status: "paused" });
});

describe("a task that starts at the same moment", () => {
  const begin = (sessionId: string) =>
    withAccount(m.deps.db, m.at.accountId, (tx) =>
      recordSandbox(tx, { provider: "cloud", id: "race", accountId: m.at.accountId, sessionId, fence: 1 }),
    );

  test("waits until the pause is over, and then has the machine", async () => {
    const sessionId = await m.seedMachine("race");
    let open = (): void => undefined;
    m.cloud.gates.set("pause", new Promise((resolve) => (open = resolve)));
    const pausing = pauseIdleSandboxes(m.deps);
    await vi.waitUntil(() => pauses().length === 1, 30_000);
    await m.seedTask(sessionId, { status: "provisioning" });
    let begun = false;
    const task = begin(sessionId).then((kept) => {
      begun = true;
      return kept;
    });
    await vi.waitUntil(
      () => withOwner(m.t.url, async (db) => (await db.execute(blocked)).length === 1),
      30_000,
    );
    expect(begun).toBe(false);
    open();
    expect(await task).toBe(true);
    await pausing;
    expect(await m.rowOf("race")).toMatchObject({ status: "running" });
  });

  test("and was first, keeps it awake, even before its claim is seen", async () => {
    const sessionId = await m.seedMachine("race");
    const hold = Promise.withResolvers<undefined>();
    const held = Promise.withResolvers<undefined>();
    const task = withAccount(m.deps.db, m.at.accountId, async (tx) => {
      await recordSandbox(tx, {
        provider: "cloud",
        id: "race",
        accountId: m.at.accountId,
        sessionId,
        fence: 1,
      });
      held.resolve(undefined);
      await hold.promise;
    });
    await held.promise;
    await pauseIdleSandboxes(m.deps);
    expect(pauses()).toEqual([]);
    hold.resolve(undefined);
    await task;
    await pauseIdleSandboxes(m.deps);
    expect(pauses()).toEqual([]);
  });

  test("between the list of idle machines and the pause, keeps it awake", async () => {
    const first = await m.seedMachine("a-first", { usedAt: new Date("2026-01-01T00:00:00Z") });
    const second = await m.seedMachine("b-second", { usedAt: new Date("2026-01-02T00:00:00Z") });
    const third = await m.seedMachine("c-third", { usedAt: new Date("2026-01-03T00:00:00Z") });
    let open = (): void => undefined;
    m.cloud.gates.set("pause", new Promise((resolve) => (open = resolve)));
    const pausing = pauseIdleSandboxes(m.deps);
    await vi.waitUntil(() => pauses().length === 2, 30_000);
    await m.seedTask(third, { status: "running" });
    open();
    await pausing;
    expect(pauses().sort()).toEqual(["pause a-first", "pause b-second"]);
    expect(new Set([first, second, third]).size).toBe(3);
    const running = await m.deps.system.select().from(sandbox).where(eq(sandbox.status, "running"));
    expect(running.map(({ id }) => id)).toEqual(["c-third"]);
    expect(await m.deps.system.$count(task)).toBe(1);
  });
});
