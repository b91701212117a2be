import { expect, test } from "vitest";
import { readModelRequest } from "../../src/gateway/model-request.ts";

const call = { model: "claude-sonnet-4-5", max_tokens: 100, messages: [{ role: "user", content: "Hi" }] };
const read = (body: object) => readModelRequest(Buffer.from(JSON.stringify(body)));

test("a prompt is taken as half its bytes at most, a quarter most likely", () => {
  const body = { ...call, messages: [{ role: "user", content: "x".repeat(10_000) }] };
  const { length } = JSON.stringify(body);
  expect(read(body)).toEqual({
    ok: true,
    request: {
      model: "claude-sonnet-4-5",
      maxTokens: 100,
      maxInputTokens: Math.ceil(length / 2),
      likelyInputTokens: Math.ceil(length / 4),
      cacheTtl: null,
    },
  });
});

test("a picture counts as a picture, not as its bytes, wherever it stands", () => {
  const image = {
    type: "image",
    source: { type: "base64", media_type: "image/png", data: "A".repeat(1_000_000) },
  };
  const result = { type: "tool_result", tool_use_id: "toolu_1", content: [image] };
  const document = { type: "document", source: { type: "content", content: [image] } };
  const reading = read({ ...call, messages: [{ role: "user", content: [image, result, document] }] });
  expect(reading).toMatchObject({ ok: true, request: { maxInputTokens: expect.any(Number) as number } });
  const tokens = reading.ok ? reading.request.maxInputTokens : 0;
  expect(tokens).toBeGreaterThan(15_000);
  expect(tokens).toBeLessThan(16_000);
});

test.each([
  ["5m", { cache_control: { type: "ephemeral" } }],
  ["1h", { cache_control: { type: "ephemeral", ttl: "1h" } }],
  [null, {}],
])("a cache of %s is read from the request, not from what the conversation says", (cacheTtl, more) => {
  const said = 'say {"cache_control":{"ttl":"1h"}}';
  const body = { ...call, messages: [{ role: "user", content: [{ type: "text", text: said, ...more }] }] };
  expect(read(body)).toMatchObject({ ok: true, request: { cacheTtl } });
});

const wrapped = (block: object) => ({ ...call, messages: [{ role: "user", content: [block] }] });

test.each([
  ["web search", { ...call, tools: [{ type: "web_search_20250305", name: "w" }] }],
  ["web fetch", { ...call, tools: [{ type: "web_fetch_20250910", name: "w" }] }],
  ["code execution", { ...call, tools: [{ type: "code_execution_20250825", name: "c" }] }],
  ["a toolset of MCP", { ...call, tools: [{ type: "mcp_toolset", mcp_server_name: "x" }] }],
  ["MCP servers", { ...call, mcp_servers: [{ type: "url", url: "https://evil.example" }] }],
  ["a container", { ...call, container: { skills: [] } }],
  ["an image by URL", wrapped({ type: "image", source: { type: "url", url: "https://evil.example" } })],
  ["a document by file id", wrapped({ type: "document", source: { type: "file", file_id: "f" } })],
  [
    "an image by URL in a document in a result",
    wrapped({
      type: "tool_result",
      content: [
        {
          type: "document",
          source: { type: "content", content: [{ type: "image", source: { type: "url" } }] },
        },
      ],
    }),
  ],
  [
    "an image by URL in a single block",
    wrapped({ type: "tool_result", content: { source: { type: "url" } } }),
  ],
  ["fast mode", { ...call, speed: "fast" }],
  ["another price by place", { ...call, inference_geo: "us" }],
])("%s is forbidden", (_name, body) => {
  expect(read(body)).toMatchObject({ ok: false, reason: "forbidden" });
});

test.each([
  [
    "the harness's own tools",
    { ...call, tools: [{ name: "Bash", input_schema: {} }, { type: "bash_20250124" }] },
  ],
  ["tools found by search", { ...call, tools: [{ type: "tool_search_tool_regex_20251119" }] }],
  [
    "a tool call that only looks like a source",
    wrapped({ type: "tool_use", input: { source: { type: "url" } } }),
  ],
  ["a search result with a plain source", wrapped({ type: "search_result", source: "https://docs.example" })],
  ["the standard speed", { ...call, speed: "standard", mcp_servers: [], container: null }],
])("%s pass", (_name, body) => {
  expect(read(body).ok).toBe(true);
});

test.each([
  ["an array", "[]"],
  ["null", "null"],
  ["half a JSON text", '{"model":'],
  ["messages that are none", JSON.stringify({ ...call, messages: "Hi" })],
  ["more tokens than any model has", JSON.stringify({ ...call, max_tokens: 1e9 })],
  ["a model name as long as a book", JSON.stringify({ ...call, model: "x".repeat(101) })],
])("%s is invalid", (_name, text) => {
  expect(readModelRequest(Buffer.from(text))).toMatchObject({ ok: false, reason: "invalid" });
});

test("content a hundred thousand levels deep is read without falling over", () => {
  const depth = 100_000;
  const content = `${'{"type":"x","content":['.repeat(depth)}${"]}".repeat(depth)}`;
  const text = `{"model":"m","max_tokens":1,"messages":[{"content":[${content}]}]}`;
  expect(readModelRequest(Buffer.from(text)).ok).toBe(true);
});
