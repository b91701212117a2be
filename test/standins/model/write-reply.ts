import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { countTokens } from "./prompt-cache.ts";
import type { Usage } from "./messages-request.ts";
import type { Block, Fault, Reply } from "./reply.ts";

type Message = Extract<Reply, { kind: "message" }>;
type Input = { model: string; stream: boolean; inputUsage: Usage; requestId: string };
type StreamEvent = { type: string; [field: string]: unknown };
type NamedBlock = (Block & { type: "text" }) | (Block & { type: "tool_use"; id: string });

/** What the API's answer to this reply counts. */
export function usageOf(reply: Message, inputUsage: Usage): Usage {
  const spoken = reply.blocks.map((block) =>
    block.type === "text" ? block.text : block.name + JSON.stringify(block.input),
  );
  const usage = { ...inputUsage, output_tokens: Math.max(1, countTokens(spoken.join(""))) };
  return { ...usage, ...reply.usage };
}

/** Sends a message as the Messages API does: as server-sent events, or as one JSON body. */
export async function writeMessage(response: ServerResponse, reply: Message, input: Input): Promise<void> {
  const usage = usageOf(reply, input.inputUsage);
  const id = `msg_${input.requestId.slice(4)}`;
  const blocks = reply.blocks.map((block, index): NamedBlock =>
    block.type === "text" ? block : { ...block, id: `toolu_${input.requestId.slice(4)}${index}` },
  );
  const stopReason =
    reply.stopReason ?? (blocks.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn");
  const head = { id, type: "message", role: "assistant", model: input.model };
  if (!input.stream && reply.fault !== undefined) {
    breakWhole(response, reply.fault);
    return;
  }
  if (!input.stream) {
    const body = { ...head, content: blocks, stop_reason: stopReason, stop_sequence: null, usage };
    response.writeHead(200, { "content-type": "application/json", "request-id": input.requestId });
    response.end(JSON.stringify(body));
    return;
  }
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "request-id": input.requestId,
  });
  const start = { ...head, content: [], stop_reason: null, stop_sequence: null };
  await sendEvents(response, toEvents(start, blocks, stopReason, usage), reply);
}

async function sendEvents(
  response: ServerResponse,
  events: Iterable<StreamEvent>,
  { eventDelayMs, fault }: Message,
): Promise<void> {
  let sent = 0;
  for (const event of events) {
    if (fault?.afterEvents === sent) return breakOff(response, fault);
    if (eventDelayMs !== undefined) await delay(eventDelayMs);
    if (!(await send(response, event))) return;
    sent += 1;
  }
  if (fault !== undefined) {
    throw new Error(`The fault is after ${fault.afterEvents} events, but the answer has only ${sent}`);
  }
  response.end();
}

/** The same fault for a client that did not ask for a stream; Claude Code asks so after a stream that failed. */
function breakWhole(response: ServerResponse, fault: Fault): void {
  if (fault.how === "cut") response.destroy();
  if (fault.how !== "overloaded") return;
  const body = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  response.writeHead(529, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function breakOff(response: ServerResponse, fault: Fault): Promise<void> {
  if (fault.how === "hang") return;
  if (fault.how === "cut") {
    response.destroy();
    return;
  }
  await send(response, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } });
  response.end();
}

/** False when the client has gone. */
async function send(response: ServerResponse, event: StreamEvent): Promise<boolean> {
  return await writeChunk(response, Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`));
}

/** Resolves when the bytes have left, so that a cut never takes back what was sent; false when the client has gone. */
export async function writeChunk(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  if (response.destroyed) return false;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const done = () => resolve(undefined);
  response.once("close", done);
  response.write(chunk, done);
  await promise;
  response.off("close", done);
  return !response.destroyed;
}

function* toEvents(
  start: Record<string, unknown>,
  blocks: readonly NamedBlock[],
  stopReason: string,
  usage: Usage,
): Generator<StreamEvent> {
  yield { type: "message_start", message: { ...start, usage: { ...usage, output_tokens: 1 } } };
  yield { type: "ping" };
  for (const [index, block] of blocks.entries()) {
    const empty = block.type === "text" ? { ...block, text: "" } : { ...block, input: {} };
    yield { type: "content_block_start", index, content_block: empty };
    for (const part of split(block.type === "text" ? block.text : JSON.stringify(block.input))) {
      const delta =
        block.type === "text"
          ? { type: "text_delta", text: part }
          : { type: "input_json_delta", partial_json: part };
      yield { type: "content_block_delta", index, delta };
    }
    yield { type: "content_block_stop", index };
  }
  yield {
    type: "message_delta",
    delta: { stop_reason: stopReason, stop_sequence: null },
    usage: { ...usage, cache_creation: undefined },
  };
  yield { type: "message_stop" };
}

/** In small parts as a model speaks, yet never more than about 2,000 of them; never inside a surrogate pair. */
function* split(text: string): Generator<string> {
  const size = Math.max(24, Math.ceil(text.length / 2_000));
  for (let from = 0; from < text.length;) {
    let to = from + size;
    const last = text.charCodeAt(to - 1);
    if (last >= 0xd800 && last < 0xdc00) to += 1;
    yield text.slice(from, to);
    from = to;
  }
}
