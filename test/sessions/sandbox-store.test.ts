import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withAccount, type Tx } from "../../db/client.ts";
import {
  findElsewhere,
  findEnding,
  markEnded,
  markPaused,
  recordSandbox,
  requestEnd,
  requestEnds,
} from "../../src/sessions/sandbox-store.ts";
import { longAgo, machineRows, type Machines } from "./machine-rows.ts";

let m: Machines;

beforeAll(async () => {
  m = await machineRows();
});
afterAll(() => m.close());

const asAccount = <T>(run: (tx: Tx) => Promise<T>) => withAccount(m.deps.db, m.at.accountId, run);
const refOf = (id: string) => ({ provider: "cloud", id });
const owned = (id: string, sessionId: string, fence = 1) => ({
  ...refOf(id),
  accountId: m.at.accountId,
  sessionId,
  fence,
});

describe("a machine's row", () => {
  test("is made once, keeps the fence that made the machine, and says when it was used", async () => {
    const sessionId = await m.seedSession();
    expect(await asAccount((tx) => recordSandbox(tx, owned("a", sessionId, 2)))).toBe(true);
    const before = (await m.rowOf("a"))?.usedAt.getTime() ?? Infinity;
    expect(await m.rowOf("a")).toMatchObject({ status: "running", fence: 2, endedAt: null });
    await m.deps.system.transaction((tx) => markPaused(tx, refOf("a")));
    expect(await asAccount((tx) => recordSandbox(tx, owned("a", sessionId, 5)))).toBe(true);
    const after = await m.rowOf("a");
    expect(after).toMatchObject({ status: "running", fence: 2 });
    expect(after?.usedAt.getTime()).toBeGreaterThan(before);
  });

  test("comes back to life when a machine that was thought gone answers again", async () => {
    const sessionId = await m.seedMachine("back");
    await asAccount((tx) => markEnded(tx, refOf("back"), "gone"));
    expect(await m.rowOf("back")).toMatchObject({
      status: "ended",
      endReason: "gone",
      endedAt: expect.any(Date) as Date,
    });
    expect(await asAccount((tx) => recordSandbox(tx, owned("back", sessionId)))).toBe(true);
    expect(await m.rowOf("back")).toMatchObject({ status: "running", endReason: null, endedAt: null });
  });

  test("keeps tasks away from a machine that is being ended, and its reason to the end", async () => {
    const sessionId = await m.seedMachine("dying");
    expect(await requestEnd(m.deps.system, owned("dying", sessionId), { reason: "operator" })).toBe(true);
    expect(await asAccount((tx) => recordSandbox(tx, owned("dying", sessionId)))).toBe(false);
    await m.deps.system.transaction((tx) => markPaused(tx, refOf("dying")));
    expect(await m.rowOf("dying")).toMatchObject({ status: "ending", endReason: "operator" });
    await asAccount((tx) => markEnded(tx, refOf("dying"), "gone"));
    expect(await m.rowOf("dying")).toMatchObject({ status: "ended", endReason: "operator" });
  });

  test("is not ended for being unused when a turn has used it meanwhile", async () => {
    const sessionId = await m.seedMachine("busy", { usedAt: new Date() });
    const unusedSince = new Date(Date.now() - 1_000);
    expect(await requestEnd(m.deps.system, owned("busy", sessionId), { reason: "unused", unusedSince })).toBe(
      false,
    );
    expect(await m.rowOf("busy")).toMatchObject({ status: "running" });
  });

  test("belongs to its account: another one sees and changes nothing", async () => {
    await m.seedMachine("mine");
    const other = crypto.randomUUID();
    await withAccount(m.deps.db, other, (tx) => markEnded(tx, refOf("mine"), "gone"));
    expect(await m.rowOf("mine")).toMatchObject({ status: "running" });
  });
});

test("a pause of the machine in use pauses its session, any other one does not", async () => {
  const sessionId = await m.seedMachine("inuse");
  await m.seedRow(sessionId, { id: "aside" });
  await m.deps.system.transaction((tx) => markPaused(tx, refOf("aside")));
  expect(await m.sessionOf(sessionId)).toMatchObject({ status: "active" });
  await m.deps.system.transaction((tx) => markPaused(tx, refOf("inuse")));
  expect(await m.sessionOf(sessionId)).toMatchObject({ status: "paused" });
});

test("the end of a session's machines, of named ones, of all", async () => {
  const one = await m.seedMachine("s1a");
  await m.seedRow(one, { id: "s1b", status: "paused" });
  await m.seedRow(one, { id: "s1c", status: "ended", endedAt: longAgo, endReason: "gone" });
  const two = await m.seedMachine("s2a");
  const statusOf = async (id: string) => (await m.rowOf(id))?.status;
  await requestEnds(m.deps.system, { sessionId: one }, "x");
  expect(await Promise.all(["s1a", "s1b", "s1c", "s2a"].map(statusOf))).toEqual([
    "ending",
    "ending",
    "ended",
    "running",
  ]);
  await requestEnds(m.deps.system, { refs: [] }, "x");
  expect(await statusOf("s2a")).toBe("running");
  await requestEnds(m.deps.system, { refs: [refOf("s2a")] }, "x");
  expect((await findEnding(m.deps.system)).map(({ sessionId }) => sessionId)).toContain(two);
  await m.seedMachine("elsewhere", { provider: "former" });
  expect(await findElsewhere(m.deps.system, ["cloud", "spare"])).toEqual([
    { provider: "former", machines: 1 },
  ]);
  await requestEnds(m.deps.system, "all", "operator");
  expect(await findElsewhere(m.deps.system, ["cloud"])).toEqual([{ provider: "former", machines: 1 }]);
  expect((await findEnding(m.deps.system)).map(({ id }) => id)).toEqual(
    expect.arrayContaining(["elsewhere", "s1a", "s1b", "s2a"]),
  );
});
