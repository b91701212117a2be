import { expect, test } from "vitest";
import { answer } from "../standins/model/reply.ts";
import { changeTask, listCalls, sendCall, startCall } from "./fixture.ts";
import { useGateway } from "./use-gateway.ts";

const rig = useGateway();

test("the call after the budget is spent is refused with what to do about it", async () => {
  // Worth about 1.5 cents at most, and 1.5 cents in fact.
  rig.model.script(() => ({
    ...(answer("x") as { kind: "message"; blocks: [] }),
    usage: { output_tokens: 1_000 },
  }));
  const turn = await rig.newTurn({ budgetMicroUsd: 20_000 });
  expect((await sendCall(rig.gateway, { token: turn.token })).status).toBe(200);
  const refused = await sendCall(rig.gateway, { token: turn.token });
  expect(refused.status).toBe(402);
  expect(refused.headers["x-should-retry"]).toBe("false");
  expect(JSON.parse(refused.text)).toMatchObject({ type: "error", error: { type: "billing_error" } });
  expect(refused.text).toMatch(/\$0\.02 of \$0\.02 is spent.*may cost up to \$0\.02.*--budget/);
  expect(rig.model.requests).toHaveLength(1);
  expect(await listCalls(rig.database, turn.taskId)).toHaveLength(1);
});

test("twenty parallel calls cannot pass the budget together", async () => {
  const threeAreUnderWay = Promise.withResolvers<undefined>();
  rig.model.script(async () => {
    await threeAreUnderWay.promise;
    return { kind: "message", blocks: [{ type: "text", text: "x" }], usage: { output_tokens: 1_000 } };
  });
  const turn = await rig.newTurn({ budgetMicroUsd: 50_000 });
  const answers = Array.from({ length: 20 }, () => sendCall(rig.gateway, { token: turn.token }));
  await rig.model.until((requests) => requests.length === 3);
  threeAreUnderWay.resolve(undefined);
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  // Each may cost 1.5 cents and a bit, and does: three fit, the others have waited for nothing.
  expect(statuses.toSorted()).toEqual([...Array<number>(3).fill(200), ...Array<number>(17).fill(402)]);
  expect(rig.model.requests).toHaveLength(3);
  await rig.gateway.close();
  const calls = await listCalls(rig.database, turn.taskId);
  const spent = calls.reduce((sum, { costMicroUsd }) => sum + (costMicroUsd ?? Infinity), 0);
  expect(spent).toBeGreaterThan(45_000);
  expect(spent).toBeLessThanOrEqual(50_000);
});

test("parallel calls that turn out cheap all get their turn within the budget", async () => {
  const turn = await rig.newTurn({ budgetMicroUsd: 50_000 });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => sendCall(rig.gateway, { token: turn.token })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
});

test("a call that waits for room ends with its task and with its agent", async () => {
  rig.model.script(() => ({ kind: "hang" }));
  const turn = await rig.newTurn({ budgetMicroUsd: 20_000 });
  const [first, gone] = [new AbortController(), new AbortController()];
  const call = startCall(rig.gateway, { token: turn.token, signal: first.signal });
  await rig.model.until((requests) => requests.length === 1);
  const leaving = startCall(rig.gateway, { token: turn.token, signal: gone.signal });
  const waiting = sendCall(rig.gateway, { token: turn.token });
  gone.abort();
  await expect(leaving).rejects.toThrow("aborted");
  await changeTask(rig.database, turn.taskId, { cancelRequestedAt: new Date() });
  expect((await waiting).status).toBe(403);
  first.abort();
  await expect(call).rejects.toThrow("aborted");
  expect(rig.model.requests).toHaveLength(1);
});
