import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createGatewayRoute } from "../../src/gateway/gateway-route.ts";
import { priceCall } from "../../src/usage/price.ts";
import { answerOnly } from "../standins/model/scenarios.ts";
import { listCalls, modelKey, sendCall, smallCall, startCall } from "./fixture.ts";
import { useRoute } from "./use-route.ts";

const rig = useRoute();

/** Words that come one after the other, until `more` says that it is enough. */
function talk(more: () => boolean, pauseMs = 5) {
  return async function* () {
    while (more()) {
      yield Buffer.from('event: content_block_delta\ndata: {"text":"word "}\n\n');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
}

/** The route on a listener of its own, whose patience is short. */
async function startRoute(stillMs: number): Promise<{ server: Server; url: string }> {
  const route = createGatewayRoute(
    {
      ...{ db: rig.database.db, system: rig.database.system, clock: systemClock, priceCall },
      log: pino({ level: "silent" }),
      isOpen: () => true,
      config: {
        model: { baseUrl: rig.model.url, credential: { header: "x-api-key", value: modelKey }, name: "m" },
        sandbox: { egressHosts: [] },
      },
    },
    { stillMs },
  );
  const server = createServer((incoming, response) => void route.handle(incoming, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await route.close();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("words pass one by one while the model still speaks", async () => {
  let speaking = true;
  rig.model.script(() => ({
    kind: "bytes",
    headers: { "content-type": "text/event-stream" },
    chunks: talk(() => speaking)(),
  }));
  const turn = await rig.newTurn();
  const response = await startCall(turn, { token: turn.token });
  let chunks = 0;
  for await (const chunk of response) {
    expect(String(chunk)).toContain("word");
    chunks += 1;
    if (chunks === 5) speaking = false;
  }
  expect(chunks).toBeGreaterThanOrEqual(5);
});

test("an agent that leaves in the middle of an answer ends the call at the model and pays for what it saw", async () => {
  rig.model.script(() => ({
    kind: "message",
    blocks: [{ type: "text", text: "word ".repeat(50) }],
    fault: { afterEvents: 10, how: "hang" },
  }));
  const turn = await rig.newTurn();
  const response = await startCall(turn, { token: turn.token });
  for await (const chunk of response) if (String(chunk).includes("content_block_delta")) break;
  await rig.model.until(([first]) => first?.finished === false);
  await rig.close();
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([{ status: "settled", httpStatus: 200 }]);
});

test("a server that is stopped lets answers end, takes no new calls, and settles", async () => {
  let speaking = true;
  rig.model.script(() => ({
    kind: "bytes",
    headers: { "content-type": "text/event-stream" },
    chunks: talk(() => speaking)(),
  }));
  const turn = await rig.newTurn();
  const response = await startCall(turn, { token: turn.token });
  const all = text(response);
  // A connection that was there before the stop may still ask.
  const socket = connect(Number(new URL(turn.url).port), "127.0.0.1");
  socket.write("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nPOST ");
  await once(socket, "data");
  const closed = rig.close();
  await expect.poll(() => fetch(`${rig.server.url}/healthz`).catch(() => "refused")).toBe("refused");
  const body = JSON.stringify(smallCall);
  socket.write(
    `${new URL(turn.url).pathname}/v1/messages HTTP/1.1\r\nhost: a\r\nx-api-key: ${turn.token}\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
  expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 2/i);
  speaking = false;
  expect(await all).toMatch(/word "\}\n\n$/);
  await closed;
  expect(rig.model.requests).toHaveLength(1);
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([{ status: "settled", httpStatus: 200 }]);
});

test("an answer that does not end by the deadline is cut off and settled", { timeout: 40_000 }, async () => {
  rig.model.script(() => ({ kind: "hang" }));
  const turn = await rig.newTurn();
  const call = expect(startCall(turn, { token: turn.token })).rejects.toThrow("socket hang up");
  await rig.model.until((requests) => requests.length === 1);
  const since = performance.now();
  await rig.close();
  await call;
  expect(performance.now() - since).toBeLessThan(20_000);
  expect(rig.model.requests[0]?.finished).toBe(false);
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([{ status: "settled" }]);
});

test("two hundred agents stream at once", { timeout: 60_000 }, async () => {
  rig.model.script(() => ({
    kind: "message",
    blocks: [{ type: "text", text: "word ".repeat(40) }],
    eventDelayMs: 5,
  }));
  const turns = await Promise.all(Array.from({ length: 20 }, () => rig.newTurn()));
  const calls = turns.flatMap((turn) =>
    Array.from({ length: 10 }, () => sendCall(turn, { token: turn.token })),
  );
  const answers = await Promise.all(calls);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(answers.filter((answer) => answer.text.includes("event: message_stop"))).toHaveLength(200);
  await rig.close();
  const rows = await Promise.all(turns.map((turn) => listCalls(rig.database, turn.taskId)));
  expect(rows.flat().filter(({ status }) => status === "settled")).toHaveLength(200);
});

test("a sender that stands still in the middle of its body is let go", async () => {
  const turn = await rig.newTurn();
  const { server, url } = await startRoute(300);
  const outgoing = request(`${url}/gateway/${turn.taskId}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": turn.token, "content-length": "1000" },
  });
  outgoing.write('{"model":');
  await expect(once(outgoing, "response")).rejects.toThrow("socket hang up");
  await expect
    .poll(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))))
    .toBe(0);
  expect(rig.model.requests).toHaveLength(0);
});

test("a reader that does not take its answer is let go, and the model too", { timeout: 30_000 }, async () => {
  const turn = await rig.newTurn();
  const { url } = await startRoute(500);
  const event = Buffer.from(`event: content_block_delta\ndata: {"text":"${"x".repeat(60_000)}"}\n\n`);
  function* flood() {
    for (let sent = 0; sent < 2_000; sent += 1) yield event;
  }
  rig.model.script(() => ({ kind: "bytes", chunks: flood() }));
  const response = await startCall({ url: `${url}/gateway/${turn.taskId}` }, { token: turn.token });
  response.pause();
  await rig.model.until(([first]) => first?.finished === false);
  response.destroy();
});

test("a model that thinks for longer than that is waited for", async () => {
  const turn = await rig.newTurn();
  const { url } = await startRoute(200);
  rig.model.script(async (call) => {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return answerOnly("At last.")(call);
  });
  const answer = await sendCall({ url: `${url}/gateway/${turn.taskId}` }, { token: turn.token });
  expect(answer).toMatchObject({ status: 200, text: expect.stringContaining("At last.") as string });
});

test("one task cannot take all the memory there is for bodies", { timeout: 60_000 }, async () => {
  rig.model.script(() => ({ kind: "hang" }));
  const [greedy, other] = [await rig.newTurn({ budgetMicroUsd: 500_000_000 }), await rig.newTurn()];
  const large = { ...smallCall, messages: [{ role: "user", content: "x".repeat(20 * 2 ** 20) }] };
  const leaving = new AbortController();
  const held = startCall(greedy, { token: greedy.token, body: large, signal: leaving.signal });
  await rig.model.until((requests) => requests.length === 1);
  const second = await sendCall(greedy, { token: greedy.token, body: large });
  expect(second).toMatchObject({ status: 429, text: expect.stringContaining("bytes") as string });
  rig.model.script(answerOnly("Room."));
  expect((await sendCall(other, { token: other.token })).status).toBe(200);
  leaving.abort();
  await expect(held).rejects.toThrow("aborted");
  await expect
    .poll(async () => (await sendCall(greedy, { token: greedy.token, body: large })).status, {
      timeout: 20_000,
    })
    .not.toBe(429);
});
