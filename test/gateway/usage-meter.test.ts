import fc from "fast-check";
import { expect, test } from "vitest";
import { createUsageMeter } from "../../src/gateway/usage-meter.ts";

const start = {
  type: "message_start",
  message: {
    usage: {
      input_tokens: 10,
      output_tokens: 1,
      cache_read_input_tokens: 200,
      cache_creation_input_tokens: 50,
      cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
    },
  },
};
const delta = (text: string) => ({
  type: "content_block_delta",
  index: 0,
  delta: { type: "text_delta", text },
});
const last = {
  type: "message_delta",
  delta: { stop_reason: "end_turn" },
  usage: { output_tokens: 70, input_tokens: null, cache_creation_input_tokens: 50 },
};
const stop = { type: "message_stop" };

function stream(...events: { type: string }[]): Buffer {
  return Buffer.from(
    events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""),
  );
}

function readAll(chunks: Iterable<Uint8Array>, contentType = "text/event-stream; charset=utf-8") {
  const meter = createUsageMeter(contentType);
  for (const chunk of chunks) meter?.push(chunk);
  return meter?.read();
}

const whole = {
  kind: "complete",
  tokens: {
    inputTokens: 10,
    outputTokens: 70,
    cacheReadTokens: 200,
    cacheWrite5mTokens: 20,
    cacheWrite1hTokens: 30,
  },
};

test("counts are the same wherever the chunks begin and end", () => {
  const bytes = stream(
    start,
    delta('世界 "message_delta" \n\n data: {"type":"message_stop"}'),
    { type: "ping" },
    last,
    stop,
  );
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 40 }), (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
      expect(readAll(chunks)).toEqual(whole);
    }),
  );
});

test("lines may end with a carriage return, and data may stand without a space", () => {
  const text = stream(start, last, stop).toString().replaceAll("\n", "\r\n").replaceAll("data: ", "data:");
  expect(readAll([Buffer.from(text)])).toEqual(whole);
});

test("a line of ten megabytes is counted and not kept", () => {
  const reading = readAll([stream(start, delta("x".repeat(10_000_000)))]);
  expect(reading).toMatchObject({ kind: "partial", tokens: { outputTokens: 2_500_000 } });
});

test("a stream that broke off has at least what was said, and never less than was counted", () => {
  const said = stream(start, delta("x".repeat(400)), delta("y"));
  expect(readAll([said])).toMatchObject({ kind: "partial", tokens: { inputTokens: 10, outputTokens: 101 } });
  const counted = stream(start, delta("x"), last);
  expect(readAll([counted])).toMatchObject({ kind: "partial", tokens: { outputTokens: 70 } });
});

test.each([
  ["nothing", []],
  ["an error before the message", [stream({ type: "error" })]],
  ["half of the first event", [stream(start).subarray(0, 60)]],
  ["garbage", [Buffer.from('data: {\ndata: message_start\ndata: "message_start"\n\0\xff')]],
  [
    "counts that are none",
    [Buffer.from('data: {"type":"message_start","message":{"usage":{"input_tokens":-1}}}\n')],
  ],
])("%s tells nothing", (_name, chunks) => {
  expect(readAll(chunks)).toEqual({ kind: "none" });
});

test("a whole message is read from its body", () => {
  const body = Buffer.from(
    JSON.stringify({ type: "message", content: [], usage: { input_tokens: 3, output_tokens: 4 } }),
  );
  expect(readAll([body.subarray(0, 9), body.subarray(9)], "application/json")).toMatchObject({
    kind: "complete",
    tokens: { inputTokens: 3, outputTokens: 4, cacheWrite5mTokens: 0 },
  });
  expect(readAll([Buffer.from('{"type":"error"}')], "application/json")).toEqual({ kind: "none" });
});

test("cache writes whose life is not told count as written for five minutes", () => {
  const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 40 };
  expect(readAll([stream({ ...start, message: { usage } } as typeof start, stop)])).toMatchObject({
    tokens: { cacheWrite5mTokens: 40, cacheWrite1hTokens: 0 },
  });
});

test("an answer of another form has no meter", () => {
  expect(createUsageMeter("text/plain")).toBeNull();
  expect(createUsageMeter(undefined)).toBeNull();
});
