import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openDatabase } from "../../db/client.ts";
import { mintTurnToken, revokeTurnToken } from "../../src/gateway/turn-token.ts";
import { answer } from "../standins/model/reply.ts";
import { answerOnly, fail } from "../standins/model/scenarios.ts";
import { startModel, type ModelStandin } from "../standins/model/start-model.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import {
  changeTask,
  createTurn,
  listCalls,
  modelKey,
  sendCall,
  smallCall,
  startCall,
  startGateway,
  type TestGateway,
} from "./fixture.ts";

let test_: TestDatabase;
let model: ModelStandin;
let gateway: TestGateway;

beforeAll(async () => {
  test_ = await createTestDatabase();
});

afterAll(() => test_.close());

beforeEach(async () => {
  model = await startModel({ keys: [modelKey] });
  gateway = await startGateway(test_.database, { baseUrl: model.url });
});

afterEach(async () => {
  await gateway.close();
  await model.close();
});

const newTurn = (values?: Parameters<typeof createTurn>[1]) => createTurn(test_.database, values);

test("an answer comes through, metered and priced", async () => {
  model.script(answerOnly("Grüße, 世界 👋"));
  const turn = await newTurn();
  const cached = [{ type: "text", text: "x".repeat(4_000), cache_control: { type: "ephemeral", ttl: "1h" } }];
  const body = { ...smallCall, messages: [{ role: "user", content: cached }] };
  const through = await sendCall(gateway, { token: turn.token, body });
  expect(through.status).toBe(200);
  expect(through.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
  expect(through.text).toContain("event: message_stop");
  expect(model.requests[0]?.rawBody.toString()).toBe(JSON.stringify(body));
  await gateway.close();
  const [call] = await listCalls(test_.database, turn.taskId);
  const usage = model.requests[0]?.usage;
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
  model.script(() => ({ kind: "bytes", headers, chunks: pieces() }));
  const through = await sendCall(gateway, { token: (await newTurn()).token });
  expect(through.bytes.equals(bytes)).toBe(true);
  expect(through.headers).toMatchObject({ "content-type": "text/event-stream", "x-custom": "kept" });
  expect(through.headers).not.toHaveProperty("set-cookie");
});

test("the token stays here and the credential stays there", async () => {
  const { token } = await newTurn();
  const headers = { cookie: "a=b", "x-api-key": undefined, authorization: `Bearer ${token}` };
  const through = await sendCall(gateway, { token, headers });
  expect(through.status).toBe(200);
  const [request] = model.requests;
  expect(request?.key).toBe(modelKey);
  expect(JSON.stringify(request?.headers) + String(request?.rawBody)).not.toContain(token);
  expect(request?.headers).not.toHaveProperty("cookie");
  expect(request?.headers["accept-encoding"]).toBe("identity");
  expect(JSON.stringify(through.headers) + through.text).not.toContain(modelKey);
  expect(gateway.logged.join("")).not.toMatch(new RegExp(`${token}|${modelKey}|Hello`));
  expect(gateway.logged).toHaveLength(1);
});

test("a subscription's token goes as a bearer token with the beta header that it needs", async () => {
  await gateway.close();
  await model.close();
  model = await startModel({ keys: ["sk-ant-oat"] });
  const credential = { header: "authorization", value: "Bearer sk-ant-oat" } as const;
  gateway = await startGateway(test_.database, { baseUrl: model.url, credential });
  const { token } = await newTurn();
  const through = await sendCall(gateway, { token, headers: { "anthropic-beta": "one-2025" } });
  expect(through.status).toBe(200);
  expect(model.requests[0]?.headers["anthropic-beta"]).toBe("one-2025,oauth-2025-04-20");
});

test("without a model credential the agent is told whose matter it is", async () => {
  await gateway.close();
  gateway = await startGateway(test_.database, { baseUrl: model.url, credential: null });
  const { token } = await newTurn();
  const { status, text } = await sendCall(gateway, { token });
  expect({ status, text }).toEqual({
    status: 401,
    text: expect.stringContaining("ANTHROPIC_API_KEY") as string,
  });
  expect(model.requests).toHaveLength(0);
});

test("tokens are counted without a reservation", async () => {
  const turn = await newTurn();
  const body = { ...smallCall, max_tokens: undefined, stream: undefined };
  const path = "/v1/messages/count_tokens?beta=true";
  const { status, text } = await sendCall(gateway, { token: turn.token, body, path });
  expect({ status, text }).toEqual({ status: 200, text: expect.stringMatching(/input_tokens/) as string });
  expect(await listCalls(test_.database, turn.taskId)).toEqual([]);
});

test.each([
  ["GET", "/v1/messages"],
  ["POST", "/v1/files"],
  ["POST", "/v1/messages/batches"],
  ["POST", "/v1/messages/../files"],
  ["POST", "//v1/messages"],
  ["HEAD", "/api/hello"],
])("%s %s is not there", async (method, path) => {
  const { token } = await newTurn();
  const { status } = await sendCall(gateway, { token, method, path });
  expect({ status, forwarded: model.requests.length }).toEqual({ status: 404, forwarded: 0 });
});

test.each<[string, (turn: Awaited<ReturnType<typeof newTurn>>) => Promise<string>, number]>([
  ["none", () => Promise.resolve(""), 401],
  ["a made-up one", () => Promise.resolve(`rct_${"A".repeat(43)}`), 401],
  ["the real credential", () => Promise.resolve(modelKey), 401],
  ["an expired one", (turn) => mintTurnToken(test_.database.db, { ...turn, expiresAt: new Date(0) }), 403],
  [
    "a revoked one",
    async ({ accountId, token }) => {
      await revokeTurnToken(test_.database.db, { accountId, token });
      return token;
    },
    403,
  ],
  [
    "one of an earlier claim",
    async ({ taskId, token }) => {
      await changeTask(test_.database, taskId, { fence: 2 });
      return token;
    },
    403,
  ],
  [
    "one of a finished task",
    async ({ taskId, token }) => {
      await changeTask(test_.database, taskId, { status: "completed", finishedAt: new Date() });
      return token;
    },
    403,
  ],
  [
    "one of a cancelled task",
    async ({ taskId, token }) => {
      await changeTask(test_.database, taskId, { cancelRequestedAt: new Date() });
      return token;
    },
    403,
  ],
])("a turn token that is %s is refused", async (_name, tokenOf, expected) => {
  const turn = await newTurn();
  const { status, headers } = await sendCall(gateway, { token: await tokenOf(turn) });
  expect({ status, retry: headers["x-should-retry"] }).toEqual({ status: expected, retry: "false" });
  expect(model.requests).toHaveLength(0);
  expect(await listCalls(test_.database, turn.taskId)).toEqual([]);
});

test("a token pays from its own task", async () => {
  const [mine, other] = [await newTurn(), await newTurn()];
  await sendCall(gateway, { token: mine.token });
  expect(await listCalls(test_.database, mine.taskId)).toHaveLength(1);
  expect(await listCalls(test_.database, other.taskId)).toHaveLength(0);
});

test("the call after the budget is spent is refused with what to do about it", async () => {
  // Worth about 1.5 cents at most, and 1.5 cents in fact.
  model.script(() => ({
    ...(answer("x") as { kind: "message"; blocks: [] }),
    usage: { output_tokens: 1_000 },
  }));
  const turn = await newTurn({ budgetMicroUsd: 20_000 });
  expect((await sendCall(gateway, { token: turn.token })).status).toBe(200);
  const refused = await sendCall(gateway, { token: turn.token });
  expect(refused.status).toBe(402);
  expect(refused.headers["x-should-retry"]).toBe("false");
  expect(JSON.parse(refused.text)).toMatchObject({ type: "error", error: { type: "billing_error" } });
  expect(refused.text).toMatch(/\$0\.02 of \$0\.02 is spent.*may cost up to \$0\.02.*--budget/);
  expect(model.requests).toHaveLength(1);
  expect(await listCalls(test_.database, turn.taskId)).toHaveLength(1);
});

test("twenty parallel calls cannot pass the budget together", async () => {
  const threeAreUnderWay = Promise.withResolvers<undefined>();
  model.script(async () => {
    await threeAreUnderWay.promise;
    return { kind: "message", blocks: [{ type: "text", text: "x" }], usage: { output_tokens: 1_000 } };
  });
  const turn = await newTurn({ budgetMicroUsd: 50_000 });
  const answers = Array.from({ length: 20 }, () => sendCall(gateway, { token: turn.token }));
  await model.until((requests) => requests.length === 3);
  threeAreUnderWay.resolve(undefined);
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  // Each may cost 1.5 cents and a bit, and does: three fit, the others have waited for nothing.
  expect(statuses.toSorted()).toEqual([...Array<number>(3).fill(200), ...Array<number>(17).fill(402)]);
  expect(model.requests).toHaveLength(3);
  await gateway.close();
  const calls = await listCalls(test_.database, turn.taskId);
  const spent = calls.reduce((sum, { costMicroUsd }) => sum + (costMicroUsd ?? Infinity), 0);
  expect(spent).toBeGreaterThan(45_000);
  expect(spent).toBeLessThanOrEqual(50_000);
});

test("parallel calls that turn out cheap all get their turn within the budget", async () => {
  const turn = await newTurn({ budgetMicroUsd: 50_000 });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => sendCall(gateway, { token: turn.token })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
});

test("a call that waits for room ends with its task and with its agent", async () => {
  model.script(() => ({ kind: "hang" }));
  const turn = await newTurn({ budgetMicroUsd: 20_000 });
  const [first, gone] = [new AbortController(), new AbortController()];
  const call = startCall(gateway, { token: turn.token, signal: first.signal });
  await model.until((requests) => requests.length === 1);
  const leaving = startCall(gateway, { token: turn.token, signal: gone.signal });
  const waiting = sendCall(gateway, { token: turn.token });
  gone.abort();
  await expect(leaving).rejects.toThrow("aborted");
  await changeTask(test_.database, turn.taskId, { cancelRequestedAt: new Date() });
  expect((await waiting).status).toBe(403);
  first.abort();
  await expect(call).rejects.toThrow("aborted");
  expect(model.requests).toHaveLength(1);
});

test("bodies share a bounded memory", async () => {
  model.script(() => ({ kind: "hang" }));
  const turn = await newTurn({ budgetMicroUsd: 1e12 });
  const body = { ...smallCall, messages: [{ role: "user", content: "x".repeat(31 * 1024 * 1024) }] };
  const leaving = new AbortController();
  const held = Array.from({ length: 4 }, () =>
    startCall(gateway, { token: turn.token, body, signal: leaving.signal }),
  );
  const ends = Promise.allSettled(held);
  await model.until((requests) => requests.length === 4);
  const end = await sendCall(gateway, { token: turn.token, body }).then(
    ({ status }) => status,
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  );
  expect([429, "EPIPE", "ECONNRESET"]).toContain(end);
  leaving.abort();
  await ends;
  expect(model.requests).toHaveLength(4);
});

test("without its database the gateway asks to come again and forwards nothing", async () => {
  await gateway.close();
  const away = openDatabase({ url: test_.url });
  await away.close();
  gateway = await startGateway(away, { baseUrl: model.url });
  const { status, headers } = await sendCall(gateway, { token: (await newTurn()).token });
  expect({ status, retryAfter: headers["retry-after"] }).toEqual({ status: 503, retryAfter: "2" });
  expect(model.requests).toHaveLength(0);
});

test.each([
  [401, {}],
  [429, { "retry-after": "7" }],
  [529, {}],
  [500, {}],
])("a %i of the model passes as it is and costs nothing", async (status, headers: Record<string, string>) => {
  model.script(fail(status, headers));
  const turn = await newTurn();
  const through = await sendCall(gateway, { token: turn.token });
  expect(through.status).toBe(status);
  expect(through.headers).toMatchObject(headers);
  expect(JSON.parse(through.text)).toMatchObject({
    type: "error",
    request_id: expect.stringMatching(/^req_/) as string,
  });
  await gateway.close();
  expect(await listCalls(test_.database, turn.taskId)).toMatchObject([
    { status: "refused", httpStatus: status, costMicroUsd: 0 },
  ]);
});

test("a model that cannot be reached is said so, and costs nothing", async () => {
  await model.close();
  const turn = await newTurn();
  const through = await sendCall(gateway, { token: turn.token });
  expect(through).toMatchObject({ status: 502, text: expect.stringContaining("ECONNREFUSED") as string });
  await gateway.close();
  expect(await listCalls(test_.database, turn.taskId)).toMatchObject([
    { status: "refused", httpStatus: null },
  ]);
});

test("a stream that is cut is cut for the agent too, and paid as far as it was seen", async () => {
  model.script(() => ({
    kind: "message",
    blocks: [{ type: "text", text: "word ".repeat(400) }],
    fault: { afterEvents: 40, how: "cut" },
  }));
  const turn = await newTurn();
  await expect(sendCall(gateway, { token: turn.token })).rejects.toThrow("aborted");
  await gateway.close();
  const [call] = await listCalls(test_.database, turn.taskId);
  expect(call).toMatchObject({
    status: "settled",
    httpStatus: 200,
    inputTokens: model.requests[0]?.usage?.input_tokens,
  });
  // 37 deltas of 24 characters were seen.
  expect(call?.outputTokens).toBeGreaterThanOrEqual((37 * 24) / 4);
  expect(call?.outputTokens).toBeLessThan(500);
});

test("an agent that leaves in the middle of an answer ends the call and pays for what it saw", async () => {
  model.script(() => ({
    kind: "message",
    blocks: [{ type: "text", text: "word ".repeat(50) }],
    fault: { afterEvents: 10, how: "hang" },
  }));
  const turn = await newTurn();
  const response = await startCall(gateway, { token: turn.token });
  for await (const chunk of response) if (String(chunk).includes("content_block_delta")) break;
  await model.until(([request]) => request?.finished === false);
  await gateway.close();
  expect(await listCalls(test_.database, turn.taskId)).toMatchObject([
    { status: "settled", httpStatus: 200 },
  ]);
});

test("an agent that leaves before the answer pays an estimate, so that leaving is no way round the meter", async () => {
  model.script(() => ({ kind: "hang" }));
  const turn = await newTurn();
  const leaving = new AbortController();
  const call = startCall(gateway, { token: turn.token, signal: leaving.signal });
  await model.until((requests) => requests.length === 1);
  leaving.abort();
  await expect(call).rejects.toThrow("aborted");
  await model.until(([request]) => request?.finished === false);
  await gateway.close();
  const [settled] = await listCalls(test_.database, turn.taskId);
  expect(settled).toMatchObject({ status: "settled", httpStatus: null });
  expect(settled?.inputTokens).toBeGreaterThan(30);
  expect(settled?.costMicroUsd).toBeGreaterThan(0);
});

test("closing the gateway settles what is under way", async () => {
  model.script(() => ({ kind: "hang" }));
  const turn = await newTurn();
  const call = startCall(gateway, { token: turn.token });
  const ended = expect(call).rejects.toThrow("socket hang up");
  await model.until((requests) => requests.length === 1);
  await gateway.close();
  await ended;
  expect(await listCalls(test_.database, turn.taskId)).toMatchObject([{ status: "settled" }]);
});

test("an answer that is not a stream is metered too", async () => {
  const turn = await newTurn();
  await sendCall(gateway, { token: turn.token, body: { ...smallCall, stream: false } });
  await gateway.close();
  expect(await listCalls(test_.database, turn.taskId)).toMatchObject([
    { status: "settled", outputTokens: model.requests[0]?.usage?.output_tokens },
  ]);
});

test("an answer whose tokens cannot be read costs what was reserved", async () => {
  model.script(() => ({
    kind: "bytes",
    headers: { "content-type": "text/plain" },
    chunks: [Buffer.from("What?")],
  }));
  const turn = await newTurn();
  expect((await sendCall(gateway, { token: turn.token })).text).toBe("What?");
  await gateway.close();
  const [call] = await listCalls(test_.database, turn.taskId);
  expect(call?.costMicroUsd).toBe(call?.reservedMicroUsd);
});

test.each([
  ["a server tool", { tools: [{ type: "web_search_20250305", name: "web_search" }] }, "web_search_20250305"],
  ["an MCP server", { mcp_servers: [{ type: "url", url: "https://evil.example" }] }, "mcp_servers"],
  ["a container", { container: "c_1" }, "container"],
  [
    "a picture by URL inside a tool result",
    {
      messages: [
        {
          role: "user",
          content: [
            {
              type: "tool_result",
              tool_use_id: "toolu_1",
              content: [{ type: "image", source: { type: "url", url: "https://evil.example/?secret" } }],
            },
          ],
        },
      ],
    },
    "source is of type url",
  ],
  ["the fast mode", { speed: "fast" }, "speed fast"],
])("%s is refused, because egress is a list", async (_name, more, named) => {
  const turn = await newTurn();
  const { status, text } = await sendCall(gateway, { token: turn.token, body: { ...smallCall, ...more } });
  expect({ status, text }).toEqual({ status: 403, text: expect.stringContaining(named) as string });
  expect(model.requests).toHaveLength(0);
});

test.each([
  ["nothing", ""],
  ["no JSON", "{"],
  ["no model", { ...smallCall, model: undefined }],
  ["a model with a newline", { ...smallCall, model: "claude\nx" }],
  ["no max_tokens", { ...smallCall, max_tokens: undefined }],
  ["negative max_tokens", { ...smallCall, max_tokens: -1 }],
])("a body with %s is refused", async (_name, body) => {
  const turn = await newTurn();
  const { status } = await sendCall(gateway, { token: turn.token, body });
  expect({ status, forwarded: model.requests.length }).toEqual({ status: 400, forwarded: 0 });
});

test("a body that is larger than the API takes is refused", async () => {
  const turn = await newTurn();
  const body = { ...smallCall, messages: [{ role: "user", content: "x".repeat(33 * 1024 * 1024) }] };
  const end = await sendCall(gateway, { token: turn.token, body }).then(
    ({ status }) => status,
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  );
  expect([413, "EPIPE", "ECONNRESET"]).toContain(end);
  expect(model.requests).toHaveLength(0);
});

test("thirteen megabytes stream through at the pace of their reader", async () => {
  const turn = await newTurn({ budgetMicroUsd: 1_000_000_000 });
  const event = Buffer.from(
    `event: content_block_delta\ndata: ${JSON.stringify({ text: "x".repeat(13_000) })}\n\n`,
  );
  let sent = 0;
  function* events() {
    for (; sent < 13_000_000; sent += event.length) yield event;
  }
  model.script(() => ({ kind: "bytes", chunks: events() }));
  const response = await startCall(gateway, { token: turn.token });
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
