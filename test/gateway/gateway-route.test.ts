import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { withOwner } from "../../db/owner-connection.ts";
import { revokeTurnToken } from "../../src/gateway/turn-token.ts";
import { answerOnly } from "../standins/model/scenarios.ts";
import { changeTask, listCalls, modelKey, sendCall, smallCall } from "./fixture.ts";
import { useRoute } from "./use-route.ts";

const rig = useRoute();

/** What a server says to these bytes, until it ends the connection. */
async function speak(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(bytes);
  return text(socket);
}

test("a call comes through, metered, and nobody on the way is to hold it back", async () => {
  rig.model.script(answerOnly("Grüße, 世界 👋"));
  const turn = await rig.newTurn();
  const headers = {
    "x-forwarded-for": "203.0.113.7",
    forwarded: "for=203.0.113.7",
    via: "1.1 proxy",
    "cf-connecting-ip": "203.0.113.7",
  };
  const through = await sendCall(turn, { token: turn.token, headers });
  expect(through.status).toBe(200);
  expect(through.headers).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "x-accel-buffering": "no",
    "cache-control": expect.stringMatching(/no-(cache|store)/) as string,
    connection: "close",
  });
  expect(through.text).toContain("event: message_stop");
  const [request] = rig.model.requests;
  expect(request).toMatchObject({ url: "/v1/messages?beta=true", key: modelKey });
  expect(request?.rawBody.toString()).toBe(JSON.stringify(smallCall));
  expect(JSON.stringify(request?.headers)).not.toMatch(/203\.0\.113\.7|1\.1 proxy/);
  expect(JSON.stringify(through.headers) + through.text).not.toContain(modelKey);
  await rig.close();
  expect(await listCalls(rig.database, turn.taskId)).toMatchObject([
    { status: "settled", fence: 1, httpStatus: 200, outputTokens: request?.usage?.output_tokens },
  ]);
  expect(rig.logged.join("")).toContain(turn.taskId);
  expect(rig.logged.join("")).not.toMatch(new RegExp(`${turn.token}|${modelKey}`));
});

test("tokens are counted too", async () => {
  const turn = await rig.newTurn();
  const body = { ...smallCall, max_tokens: undefined, stream: undefined };
  const { status, text: said } = await sendCall(turn, {
    token: turn.token,
    body,
    path: "/v1/messages/count_tokens",
  });
  expect({ status, said }).toEqual({ status: 200, said: expect.stringMatching(/input_tokens/) as string });
});

test("a token of another task, living or ended, is answered as one that nobody knows", async () => {
  const [turn, other] = [await rig.newTurn(), await rig.newTurn()];
  const unknown = await sendCall(turn, { token: `rct_${"x".repeat(43)}` });
  expect(unknown.status).toBe(401);
  const alike = (answer: Awaited<ReturnType<typeof sendCall>>) => {
    expect(answer.bytes.equals(unknown.bytes)).toBe(true);
    expect({ ...answer.headers, date: "" }).toEqual({ ...unknown.headers, date: "" });
    expect(answer.status).toBe(401);
  };
  alike(await sendCall(turn, { token: other.token }));
  await revokeTurnToken(rig.database.db, other);
  alike(await sendCall(turn, { token: other.token }));
  alike(await sendCall({ url: `${rig.server.url}/gateway/${crypto.randomUUID()}` }, { token: turn.token }));
  alike(await sendCall(turn, { token: "nonsense" }));
  expect(rig.model.requests).toHaveLength(0);
  expect((await sendCall(turn, { token: turn.token })).status).toBe(200);
});

test("the token of a turn that is over is told so", async () => {
  const turn = await rig.newTurn();
  await changeTask(rig.database, turn.taskId, { fence: 2 });
  const { status, text: said } = await sendCall(turn, { token: turn.token });
  expect({ status, said }).toEqual({ status: 403, said: expect.stringContaining("turn is over") as string });
  expect(rig.model.requests).toHaveLength(0);
});

test.each([
  ["GET", "/v1/messages"],
  ["HEAD", ""],
  ["POST", ""],
  ["POST", "/"],
  ["POST", "/v1/messages/"],
  ["POST", "/v1/files"],
  ["POST", "/v1/messages/batches"],
  ["POST", "/v1/messages/../files"],
  ["POST", "//v1/messages"],
  ["POST", "/../../gateway/v1/messages"],
  ["OPTIONS", "/v1/messages"],
])("%s …%s is not there", async (method, path) => {
  const turn = await rig.newTurn();
  const { status } = await sendCall(turn, { token: turn.token, method, path });
  expect({ status, forwarded: rig.model.requests.length }).toEqual({ status: 404, forwarded: 0 });
});

test.each(["", "x", "x/v1/messages", "%2e%2e/v1/messages", "0000/v1/messages", "'; drop/v1/messages"])(
  "a path with %j for a task is not there",
  async (task) => {
    const { token } = await rig.newTurn();
    const { status } = await sendCall(
      { url: rig.server.url },
      { token, path: `/gateway/${encodeURI(task)}` },
    );
    expect({ status, forwarded: rig.model.requests.length }).toEqual({ status: 404, forwarded: 0 });
  },
);

test("it is no proxy: neither tunnels nor absolute addresses, whatever they carry", async () => {
  const turn = await rig.newTurn();
  const credentials = `x-api-key: ${turn.token}\r\nproxy-authorization: Basic ${btoa(`turn:${turn.token}`)}`;
  const tunnel = await speak(
    rig.server.url,
    `CONNECT 127.0.0.1:80 HTTP/1.1\r\nhost: 127.0.0.1\r\n${credentials}\r\n\r\n`,
  );
  expect(tunnel).toMatch(/^HTTP\/1\.1 405 /);
  for (const target of [
    "http://registry.example/",
    `http://127.0.0.1/gateway/${turn.taskId}/v1/messages`,
    `${rig.model.url}/v1/messages`,
  ]) {
    const answer = await speak(
      rig.server.url,
      `POST ${target} HTTP/1.1\r\nhost: a\r\n${credentials}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  }
  expect(rig.model.requests).toHaveLength(0);
});

test("with agents on this machine only, the route does not exist", async () => {
  const local = await rig.start({ SANDBOX_PROVIDER: "local" });
  const turn = await rig.newTurn();
  const answer = await sendCall({ url: `${local.url}/gateway/${turn.taskId}` }, { token: turn.token });
  expect(answer).toMatchObject({ status: 404, headers: { "content-type": "application/problem+json" } });
  expect(rig.model.requests).toHaveLength(0);
});

test("who tries many tokens has to wait, and nobody else has", async () => {
  const [known, fresh] = [await rig.newTurn(), await rig.newTurn()];
  const from = (address: string) => ({ headers: { "x-forwarded-for": `198.18.0.1, ${address}` } });
  expect((await sendCall(known, { token: known.token, ...from("192.0.2.1") })).status).toBe(200);
  const guess = () => sendCall(known, { token: `rct_${"y".repeat(43)}`, ...from("192.0.2.1") });
  const atOnce = await Promise.all(Array.from({ length: 60 }, guess));
  expect(new Set(atOnce.map(({ status }) => status))).toContain(401);
  expect(await guess()).toMatchObject({ status: 429, headers: { "retry-after": "5" } });
  // Behind the same address a good token that nobody has seen yet waits with the others.
  expect((await sendCall(fresh, { token: fresh.token, ...from("192.0.2.1") })).status).toBe(429);
  expect((await sendCall(known, { token: known.token, ...from("192.0.2.1") })).status).toBe(200);
  expect((await sendCall(fresh, { token: fresh.token, ...from("192.0.2.2") })).status).toBe(200);
});

test("one task cannot take all the calls there are", async () => {
  rig.model.script(() => ({ kind: "hang" }));
  const [greedy, other] = [await rig.newTurn({ budgetMicroUsd: 500_000_000 }), await rig.newTurn()];
  const leaving = new AbortController();
  const held = Array.from({ length: 64 }, () =>
    sendCall(greedy, { token: greedy.token, signal: leaving.signal }).catch(() => "left"),
  );
  await rig.model.until((requests) => requests.length === 64);
  const refused = await sendCall(greedy, { token: greedy.token });
  expect(refused).toMatchObject({ status: 429, text: expect.stringContaining("At most 64") as string });
  rig.model.script(answerOnly("Room."));
  expect((await sendCall(other, { token: other.token })).status).toBe(200);
  leaving.abort();
  await Promise.all(held);
  await expect.poll(async () => (await sendCall(greedy, { token: greedy.token })).status).toBe(200);
});

test("without its database it asks to come again, and that costs nobody a try", async () => {
  const turn = await rig.newTurn();
  const rename = (from: string, to: string) =>
    withOwner(rig.databaseUrl, (db) =>
      db.execute(sql`alter table ${sql.identifier(from)} rename to ${sql.identifier(to)}`),
    );
  await rename("turn_token", "hidden");
  try {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => sendCall(turn, { token: turn.token })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  } finally {
    await rename("hidden", "turn_token");
  }
  expect((await sendCall(turn, { token: turn.token })).status).toBe(200);
});
