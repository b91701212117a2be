import { expect, test } from "vitest";
import { openDatabase } from "../../db/client.ts";
import { fail } from "../standins/model/scenarios.ts";
import { listCalls, sendCall, startCall } from "./fixture.ts";
import { useGateway } from "./use-gateway.ts";

const rig = useGateway();

test("without its database the gateway asks to come again and forwards nothing", async () => {
  const away = openDatabase({ url: rig.databaseUrl });
  await away.close();
  await rig.reopen({ database: away });
  const { status, headers } = await sendCall(rig.gateway, { token: (await rig.newTurn()).token });
  expect({ status, retryAfter: headers["retry-after"] }).toEqual({ status: 503, retryAfter: "2" });
  expect(rig.model.requests).toHaveLength(0);
});

test.each([
  [401, {}],
  [429, { "retry-after": "7" }],
  [529, {}],
  [500, {}],
])("a %i of the model passes as it is and costs nothing", async (status, headers: Record<string, string>) => {
  rig.model.script(fail(status, headers));
  const turn = await rig.newTurn();
  const through = await sendCall(rig.gateway, { token: turn.token });
  expect(through.status).toBe(status);
  expect(through.headers).toMatchObject(headers);
  expect(JSON.parse(through.text)).toMatchObject({
    type: "error",
    request_id: expect.stringMatching(/^req_/) as string,
  });
  await rig.gateway.close();
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([
    { status: "refused", httpStatus: status, costMicroUsd: 0 },
  ]);
});

test("a model that cannot be reached is said so, and costs nothing", async () => {
  await rig.model.close();
  const turn = await rig.newTurn();
  const through = await sendCall(rig.gateway, { token: turn.token });
  expect(through).toMatchObject({ status: 502, text: expect.stringContaining("ECONNREFUSED") as string });
  await rig.gateway.close();
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([{ status: "refused", httpStatus: null }]);
});

test("a stream that is cut is cut for the agent too, and paid as far as it was seen", async () => {
  rig.model.script(() => ({
    kind: "message",
    blocks: [{ type: "text", text: "word ".repeat(400) }],
    fault: { afterEvents: 40, how: "cut" },
  }));
  const turn = await rig.newTurn();
  await expect(sendCall(rig.gateway, { token: turn.token })).rejects.toThrow("aborted");
  await rig.gateway.close();
  const [call] = await listCalls(rig.database, turn.taskId);
  expect(call).toMatchObject({
    status: "settled",
    httpStatus: 200,
    inputTokens: rig.model.requests[0]?.usage?.input_tokens,
  });
  // 37 deltas of 24 characters were seen.
  expect(call?.outputTokens).toBeGreaterThanOrEqual((37 * 24) / 4);
  expect(call?.outputTokens).toBeLessThan(500);
});

test("an agent that leaves in the middle of an answer ends the call and pays for what it saw", async () => {
  rig.model.script(() => ({
    kind: "message",
    blocks: [{ type: "text", text: "word ".repeat(50) }],
    fault: { afterEvents: 10, how: "hang" },
  }));
  const turn = await rig.newTurn();
  const response = await startCall(rig.gateway, { token: turn.token });
  for await (const chunk of response) if (String(chunk).includes("content_block_delta")) break;
  await rig.model.until(([request]) => request?.finished === false);
  await rig.gateway.close();
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([{ status: "settled", httpStatus: 200 }]);
});

test("an agent that leaves before the answer pays an estimate, so that leaving is no way round the meter", async () => {
  rig.model.script(() => ({ kind: "hang" }));
  const turn = await rig.newTurn();
  const leaving = new AbortController();
  const call = startCall(rig.gateway, { token: turn.token, signal: leaving.signal });
  await rig.model.until((requests) => requests.length === 1);
  leaving.abort();
  await expect(call).rejects.toThrow("aborted");
  await rig.model.until(([request]) => request?.finished === false);
  await rig.gateway.close();
  const [settled] = await listCalls(rig.database, turn.taskId);
  expect(settled).toMatchObject({ status: "settled", httpStatus: null });
  expect(settled?.inputTokens).toBeGreaterThan(30);
  expect(settled?.costMicroUsd).toBeGreaterThan(0);
});

test("closing the gateway settles what is under way", async () => {
  rig.model.script(() => ({ kind: "hang" }));
  const turn = await rig.newTurn();
  const call = startCall(rig.gateway, { token: turn.token });
  const ended = expect(call).rejects.toThrow("socket hang up");
  await rig.model.until((requests) => requests.length === 1);
  await rig.gateway.close();
  await ended;
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([{ status: "settled" }]);
});

test("an answer whose tokens cannot be read costs what was reserved", async () => {
  rig.model.script(() => ({
    kind: "bytes",
    headers: { "content-type": "text/plain" },
    chunks: [Buffer.from("What?")],
  }));
  const turn = await rig.newTurn();
  expect((await sendCall(rig.gateway, { token: turn.token })).text).toBe("What?");
  await rig.gateway.close();
  const [call] = await listCalls(rig.database, turn.taskId);
  expect(call?.costMicroUsd).toBe(call?.reservedMicroUsd);
});
