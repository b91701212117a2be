import { eq } from "drizzle-orm";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { task } from "../../db/schema.ts";
import { SandboxError } from "../../src/sandbox/sandbox.ts";
import { reapSandboxes } from "../../src/sessions/reap-sandboxes.ts";
import { requestEnds } from "../../src/sessions/sandbox-store.ts";
import { endSession } from "../../src/sessions/session-store.ts";
import { openQuestion } from "../db/seed.ts";
import { longAgo, machineRows, type Machines } from "./machine-rows.ts";

const all: Machines[] = [];
let m: Machines;

beforeEach(async () => {
  m = await machineRows();
  all.push(m);
});
afterAll(() => Promise.all(all.map((each) => each.close())));

const kills = () => m.cloud.calls.filter((call) => call.startsWith("kill")).sort();
const fresh = () => new Date(Date.now() - 60_000);
const ended = (endReason: string) => ({
  status: "ended",
  endReason,
  endedAt: expect.any(Date) as Date,
});

describe("machines that no session needs", () => {
  test("of a session that is over are ended and recorded", async () => {
    const sessionId = await m.seedMachine("m1", { usedAt: fresh() });
    await endSession(m.deps.system, sessionId);
    await reapSandboxes(m.deps);
    expect(kills()).toEqual(["kill m1"]);
    expect(m.cloud.machines.size).toBe(0);
    expect(await m.rowOf("m1")).toMatchObject(ended("session-ended"));
  });

  test("of a live session stay, the one in use and no other", async () => {
    const sessionId = await m.seedMachine("used", { fence: 4, usedAt: fresh() });
    m.cloud.add("older", { session: sessionId, fence: "3" });
    m.cloud.add("newer", { session: sessionId, fence: "5" });
    await reapSandboxes(m.deps);
    expect([...m.cloud.machines.keys()]).toEqual(["used"]);
    // They had no row of their own before.
    expect(await m.rowOf("older")).toMatchObject({ ...ended("old-fence"), fence: 3, sessionId });
    expect(await m.rowOf("newer")).toMatchObject(ended("replaced"));
  });

  test("are spared while the claim that makes them is at work, and ended after it", async () => {
    const sessionId = await m.seedMachine("used", { fence: 7, usedAt: fresh() });
    m.cloud.add("coming", { session: sessionId, fence: "2" });
    const taskId = await m.seedTask(sessionId, { status: "running", fence: 2 });
    await reapSandboxes(m.deps);
    expect(kills()).toEqual([]);
    const over = { status: "completed", finishedAt: new Date() } as const;
    await m.deps.system.update(task).set(over).where(eq(task.id, taskId));
    // Another session's claim of the same number has nothing to do with it.
    await m.seedTask(await m.seedSession(), { status: "running", fence: 2 });
    await reapSandboxes(m.deps);
    expect(kills()).toEqual(["kill coming"]);
  });

  test("of nobody are ended once they are old enough", async () => {
    m.cloud.add("young", { session: crypto.randomUUID() }, { startedAt: fresh() });
    m.cloud.add("old", { session: crypto.randomUUID() });
    m.cloud.add("odd", { session: "no uuid" });
    await reapSandboxes(m.deps);
    expect(kills()).toEqual(["kill odd", "kill old"]);
  });

  test("of another program are not even looked at", async () => {
    m.cloud.add("theirs", { app: "something-else", session: crypto.randomUUID() });
    await reapSandboxes(m.deps);
    expect(m.cloud.calls).toEqual(["list"]);
  });
});

test("a machine without a row gets one, so that it is paused and expires like the others", async () => {
  const sessionId = await m.seedSession();
  m.cloud.add("found", { session: sessionId, fence: "3" });
  await reapSandboxes(m.deps);
  expect(await m.rowOf("found")).toMatchObject({ status: "running", fence: 3, sessionId });
  expect(kills()).toEqual([]);
});

test("a machine that runs although its pause was recorded is taken for running", async () => {
  await m.seedMachine("awake", { status: "paused", usedAt: fresh() });
  await reapSandboxes(m.deps);
  expect(await m.rowOf("awake")).toMatchObject({ status: "running" });
});

describe("after the retention time", () => {
  const old = { createdAt: longAgo };

  test("a session is over, and so is its machine", async () => {
    const sessionId = await m.seedMachine("m1", { usedAt: longAgo }, old);
    await m.seedTask(sessionId, { status: "completed", createdAt: longAgo, finishedAt: longAgo });
    await reapSandboxes(m.deps);
    expect(await m.sessionOf(sessionId)).toMatchObject({
      status: "terminated",
      endedAt: expect.any(Date) as Date,
    });
    expect(await m.rowOf("m1")).toMatchObject(ended("session-ended"));
    expect(kills()).toEqual(["kill m1"]);
  });

  test("a session without any machine is over too", async () => {
    const sessionId = await m.seedSession(old);
    await reapSandboxes(m.deps);
    expect(await m.sessionOf(sessionId)).toMatchObject({ status: "terminated" });
  });

  test("a session stays when a machine was used, a task asked for or ended since, or one is open", async () => {
    const used = await m.seedMachine("m1", { usedAt: fresh() }, old);
    const asked = await m.seedMachine("m2", {}, old);
    await m.seedTask(asked, { status: "failed", createdAt: fresh(), finishedAt: fresh() });
    const long = await m.seedMachine("m3", {}, old);
    await m.seedTask(long, { status: "completed", createdAt: longAgo, finishedAt: fresh() });
    const waits = await m.seedMachine("m4", {}, old);
    await m.seedTask(waits, { status: "waiting", question: openQuestion, createdAt: longAgo });
    const young = await m.seedSession();
    await reapSandboxes(m.deps);
    for (const sessionId of [used, asked, long, waits, young])
      expect(await m.sessionOf(sessionId)).toMatchObject({ endedAt: null });
    expect(kills()).toEqual([]);
  });
});

describe("an end that was asked for", () => {
  test("is asked for again until the provider confirms it", async () => {
    const sessionId = await m.seedMachine("m1", { usedAt: fresh() });
    await requestEnds(m.deps.system, { sessionId }, "operator");
    m.cloud.faults.set("kill", new SandboxError("transient", "502"));
    await expect(reapSandboxes(m.deps)).rejects.toBeInstanceOf(AggregateError);
    expect(await m.rowOf("m1")).toMatchObject({ status: "ending", endReason: "operator" });
    m.cloud.faults.clear();
    await reapSandboxes(m.deps);
    expect(await m.rowOf("m1")).toMatchObject(ended("operator"));
    await reapSandboxes(m.deps);
    expect(kills()).toEqual(["kill m1", "kill m1"]);
  });

  test("is confirmed by there being no such machine", async () => {
    const sessionId = await m.seedMachine("m1", { usedAt: fresh() });
    await requestEnds(m.deps.system, { sessionId }, "operator");
    m.cloud.machines.clear();
    await reapSandboxes(m.deps);
    expect(await m.rowOf("m1")).toMatchObject(ended("operator"));
  });
});

describe("a provider that is away", () => {
  test("does not keep the others' machines alive, nor does one machine that does not end", async () => {
    m.cloud.faults.set("list", new SandboxError("transient", "connection refused"));
    const over = await m.seedMachine("unlisted", { usedAt: fresh() });
    await endSession(m.deps.system, over);
    for (const id of ["stuck", "free"]) m.spare.add(id, { session: crypto.randomUUID() });
    m.spare.faults.set("kill stuck", new SandboxError("busy", "429"));
    await expect(reapSandboxes(m.deps)).rejects.toMatchObject({
      errors: [{ message: "cloud could not be listed" }, { message: "429" }],
    });
    expect([...m.spare.machines.keys()]).toEqual(["stuck"]);
    // Known by its row, it does not need the list.
    expect(await m.rowOf("unlisted")).toMatchObject(ended("session-ended"));
  });

  test("for good, because it is not configured any more, is named and does not fail the job", async () => {
    const over = await m.seedMachine("left", { provider: "former", usedAt: fresh() });
    await endSession(m.deps.system, over);
    await reapSandboxes(m.deps);
    expect(m.lines).toContainEqual(
      expect.objectContaining({
        provider: "former",
        machines: 1,
        msg: "machines are left at a provider that is not configured",
      }),
    );
    expect(await m.rowOf("left", "former")).toMatchObject({ status: "ending" });
  });
});
