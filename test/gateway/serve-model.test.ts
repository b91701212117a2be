import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { answerOnly } from "../standins/model/scenarios.ts";
import { startModel } from "../standins/model/start-model.ts";
import { listCalls, modelKey, sendCall, smallCall, startCall } from "./fixture.ts";
import { useGateway } from "./use-gateway.ts";

const rig = useGateway();

test("an answer comes through, metered and priced", async () => {
  rig.model.script(answerOnly("Grüße, 世界 👋"));
  const turn = await rig.newTurn();
  const cached = [{ type: "text", text: "x".repeat(4_000), cache_control: { type: "ephemeral", ttl: "1h" } }];
  const body = { ...smallCall, messages: [{ role: "user", content: cached }] };
  const through = await sendCall(rig.gateway, { token: turn.token, body });
  expect(through.status).toBe(200);
  expect(through.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
  expect(through.text).toContain("event: message_stop");
  expect(rig.model.requests[0]?.rawBody.toString()).toBe(JSON.stringify(body));
  await rig.gateway.close();
  const [call] = await listCalls(rig.database, turn.taskId);
  const usage = rig.model.requests[0]?.usage;
  expect(call).toMatchObject({
    status: "settled",
    fence: 1,
    model: "claude-sonnet-4-5",
    httpStatus: 200,
    outputTokens: usage?.output_tokens,
    cacheWrite1hTokens: usage?.cache_creation.ephemeral_1h_input_tokens,
    cacheWrite5mTokens: 0,
  });
  const written = usage?.cache_creation.ephemeral_1h_input_tokens ?? 0;
  expect(call?.costMicroUsd).toBe(
    written * 6 + (usage?.output_tokens ?? 0) * 15 + (usage?.input_tokens ?? 0) * 3,
  );
  expect(call?.reservedMicroUsd).toBeGreaterThan(call?.costMicroUsd ?? 0);
});

test("the bytes of an answer are not touched, however they come", async () => {
  const bytes = Buffer.concat([
    Buffer.from("data: 世界\r\n\r\n: ping\n\n"),
    randomBytes(200_000),
    Buffer.from("\n\ndata"),
  ]);
  function* pieces() {
    for (let from = 0, size = 1; from < bytes.length; from += size, size = (size * 7) % 4_999 || 1) {
      yield bytes.subarray(from, from + size);
    }
  }
  const headers = { "content-type": "text/event-stream", "x-custom": "kept", "set-cookie": "dropped=1" };
  rig.model.script(() => ({ kind: "bytes", headers, chunks: pieces() }));
  const through = await sendCall(rig.gateway, { token: (await rig.newTurn()).token });
  expect(through.bytes.equals(bytes)).toBe(true);
  expect(through.headers).toMatchObject({ "content-type": "text/event-stream", "x-custom": "kept" });
  expect(through.headers).not.toHaveProperty("set-cookie");
});

test("the token stays here and the credential stays there", async () => {
  const { token } = await rig.newTurn();
  const headers = { cookie: "a=b", "x-api-key": undefined, authorization: `Bearer ${token}` };
  const through = await sendCall(rig.gateway, { token, headers });
  expect(through.status).toBe(200);
  const [request] = rig.model.requests;
  expect(request?.key).toBe(modelKey);
  expect(JSON.stringify(request?.headers) + String(request?.rawBody)).not.toContain(token);
  expect(request?.headers).not.toHaveProperty("cookie");
  expect(request?.headers["accept-encoding"]).toBe("identity");
  expect(JSON.stringify(through.headers) + through.text).not.toContain(modelKey);
  expect(rig.gateway.logged.join("")).not.toMatch(new RegExp(`${token}|${modelKey}|Hello`));
  expect(rig.gateway.logged).toHaveLength(1);
});

test("a subscription's token goes as a bearer token with the beta header that it needs", async () => {
  await rig.model.close();
  rig.model = await startModel({ keys: ["sk-ant-oat"] });
  await rig.reopen({ credential: { header: "authorization", value: "Bearer sk-ant-oat" } });
  const { token } = await rig.newTurn();
  const through = await sendCall(rig.gateway, { token, headers: { "anthropic-beta": "one-2025" } });
  expect(through.status).toBe(200);
  expect(rig.model.requests[0]?.headers["anthropic-beta"]).toBe("one-2025,oauth-2025-04-20");
});

test("tokens are counted without a reservation", async () => {
  const turn = await rig.newTurn();
  const body = { ...smallCall, max_tokens: undefined, stream: undefined };
  const path = "/v1/messages/count_tokens?beta=true";
  const { status, text } = await sendCall(rig.gateway, { token: turn.token, body, path });
  expect({ status, text }).toEqual({ status: 200, text: expect.stringMatching(/input_tokens/) as string });
  expect(await listCalls(rig.database, turn.taskId)).toEqual([]);
});

test("an answer that is not a stream is metered too", async () => {
  const turn = await rig.newTurn();
  await sendCall(rig.gateway, { token: turn.token, body: { ...smallCall, stream: false } });
  await rig.gateway.close();
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([
    { status: "settled", outputTokens: rig.model.requests[0]?.usage?.output_tokens },
  ]);
});

test("thirteen megabytes stream through at the pace of their reader", async () => {
  const turn = await rig.newTurn({ budgetMicroUsd: 1_000_000_000 });
  const event = Buffer.from(
    `event: content_block_delta\ndata: ${JSON.stringify({ text: "x".repeat(13_000) })}\n\n`,
  );
  let sent = 0;
  function* events() {
    for (; sent < 13_000_000; sent += event.length) yield event;
  }
  rig.model.script(() => ({ kind: "bytes", chunks: events() }));
  const response = await startCall(rig.gateway, { token: turn.token });
  let received = 0;
  let ahead = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    received += chunk.length;
    ahead = Math.max(ahead, sent - received);
    // A reader that has something else to do in between.
    await setImmediate();
  }
  expect(received).toBe(sent);
  // The buffers of four sockets; nothing gathers in the gateway.
  expect(ahead).toBeLessThan(6_000_000);
});
