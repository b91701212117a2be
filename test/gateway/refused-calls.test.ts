import { expect, test } from "vitest";
import { answerOnly } from "../standins/model/scenarios.ts";
import { sendCall, smallCall, startCall } from "./fixture.ts";
import { useGateway } from "./use-gateway.ts";

const rig = useGateway();

test("without a model credential the agent is told whose matter it is", async () => {
  await rig.reopen({ credential: null });
  const { token } = await rig.newTurn();
  const { status, text } = await sendCall(rig.gateway, { token });
  expect({ status, text }).toEqual({
    status: 401,
    text: expect.stringContaining("ANTHROPIC_API_KEY") as string,
  });
  expect(rig.model.requests).toHaveLength(0);
});

test.each([
  ["GET", "/v1/messages"],
  ["POST", "/v1/files"],
  ["POST", "/v1/messages/batches"],
  ["POST", "/v1/messages/../files"],
  ["POST", "//v1/messages"],
  ["HEAD", "/api/hello"],
])("%s %s is not there", async (method, path) => {
  const { token } = await rig.newTurn();
  const { status } = await sendCall(rig.gateway, { token, method, path });
  expect({ status, forwarded: rig.model.requests.length }).toEqual({ status: 404, forwarded: 0 });
});

test("bodies share a bounded memory, and give it back", async () => {
  await rig.reopen({ bodyMemoryBytes: 10_000 });
  rig.model.script(() => ({ kind: "hang" }));
  const turn = await rig.newTurn();
  const body = { ...smallCall, messages: [{ role: "user", content: "x".repeat(6_000) }] };
  const leaving = new AbortController();
  const held = startCall(rig.gateway, { token: turn.token, body, signal: leaving.signal });
  await rig.model.until((requests) => requests.length === 1);
  expect((await sendCall(rig.gateway, { token: turn.token, body })).status).toBe(429);
  leaving.abort();
  await expect(held).rejects.toThrow("aborted");
  await rig.model.until(([request]) => request?.finished === false);
  rig.model.script(answerOnly("Room again."));
  await expect.poll(async () => (await sendCall(rig.gateway, { token: turn.token, body })).status).toBe(200);
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
  const turn = await rig.newTurn();
  const { status, text } = await sendCall(rig.gateway, {
    token: turn.token,
    body: { ...smallCall, ...more },
  });
  expect({ status, text }).toEqual({ status: 403, text: expect.stringContaining(named) as string });
  expect(rig.model.requests).toHaveLength(0);
});

test.each([
  ["nothing", ""],
  ["no JSON", "{"],
  ["no model", { ...smallCall, model: undefined }],
  ["a model with a newline", { ...smallCall, model: "claude\nx" }],
  ["no max_tokens", { ...smallCall, max_tokens: undefined }],
  ["negative max_tokens", { ...smallCall, max_tokens: -1 }],
])("a body with %s is refused", async (_name, body) => {
  const turn = await rig.newTurn();
  const { status } = await sendCall(rig.gateway, { token: turn.token, body });
  expect({ status, forwarded: rig.model.requests.length }).toEqual({ status: 400, forwarded: 0 });
});

test("a body that is larger than the API takes is refused", async () => {
  const turn = await rig.newTurn();
  const body = { ...smallCall, messages: [{ role: "user", content: "x".repeat(33 * 1024 * 1024) }] };
  expect((await sendCall(rig.gateway, { token: turn.token, body })).status).toBe(413);
  expect(rig.model.requests).toHaveLength(0);
});
