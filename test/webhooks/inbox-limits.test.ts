import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { sql } from "drizzle-orm";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { webhookPath } from "../../src/web/app-manifest.ts";
import { createInbox, type Inbox } from "../../src/webhooks/inbox.ts";
import { openDeliveryStore } from "../../src/webhooks/intake-store.ts";
import { silent } from "../queue/start-worker.ts";
import { openDatabase, type Database } from "../../db/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { proxyDatabase, type TcpProxy } from "../support/tcp-proxy.ts";
import { untilTrue } from "../support/until-true.ts";
import { commentBody } from "./sample-bodies.ts";
import { secret, sendDelivery, toRequest } from "./send-delivery.ts";

const deadlineMs = 1_000;
let home: TestDatabase;
let proxy: TcpProxy;
let queue: Queue;
let proxied: Database;
let inbox: Inbox;
let server: Server;
let url: string;

beforeEach(async () => {
  home = await createTestDatabase();
  const through = await proxyDatabase(home.url);
  proxy = through.proxy;
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  proxied = openDatabase({ url: through.url });
  inbox = createInbox({
    config: { secrets: [secret] },
    openStore: () => openDeliveryStore({ url: through.url, system: proxied.system, queue }),
    log: silent,
    clock: systemClock,
    databaseDeadlineMs: deadlineMs,
  });
  server = createServer((incoming, response) => void inbox.handle(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await inbox.close();
  await proxied.close();
  await queue.stop();
  await proxy.close();
  await home.close();
});

const command = () => ({ event: "issue_comment", body: commentBody("/claude fix"), id: randomUUID() });

async function count(table: "delivery" | "job") {
  const [row] = await home.database.system.execute<{ n: number }>(
    table === "job"
      ? sql`select count(*)::int as n from pgboss.job`
      : sql`select count(*)::int as n from delivery`,
  );
  return row?.n;
}

describe("large bodies", () => {
  const megabyte = Buffer.alloc(1_048_576, " ");

  /** Sends megabytes until the server answers or `megabytes` are out. */
  async function stream(megabytes: number, headers: Record<string, string>) {
    const outgoing = request(`${url}${webhookPath}`, { method: "POST", headers });
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      outgoing.on("response", resolve).on("error", reject),
    );
    let sent = 0;
    const push = () => {
      while (sent < megabytes) {
        sent += 1;
        if (!outgoing.write(megabyte)) {
          outgoing.once("drain", push);
          return;
        }
      }
      outgoing.end();
    };
    push();
    const response = await answered;
    outgoing.destroy();
    return { status: response.statusCode, sent };
  }

  const { headers } = toRequest({ event: "issue_comment", body: "{}" });

  test("one that says it is too large is refused before it comes", async () => {
    const answer = await stream(200, { ...headers, "content-length": String(200 * megabyte.length) });
    expect(answer.status).toBe(413);
    expect(answer.sent).toBeLessThan(200);
  });

  test("one that does not say is refused while it streams, and the memory stays flat", async () => {
    const before = process.memoryUsage().rss;
    const answer = await stream(200, headers);
    expect(answer.status).toBe(413);
    expect(answer.sent).toBeLessThan(200);
    // The test sends from the same process, so this counts both ends.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1_048_576);
  });

  test("an unsigned one is refused unread", async () => {
    const answer = await stream(20, { "content-type": "application/json" });
    expect(answer).toMatchObject({ status: 401 });
  });

  test("what follows a refusal is still taken, so that the answer is not lost in a reset", async () => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write(
      `POST ${webhookPath} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 20000000\r\n\r\n`,
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 401 /);
    for (let sent = 0; sent < 19; sent += 1) {
      await new Promise<void>((resolve, reject) => {
        socket.write(megabyte, (error) => (error instanceof Error ? reject(error) : resolve()));
      });
    }
    socket.destroy();
  });

  test("one of 24 MB that is signed is stored", { timeout: 20_000 }, async () => {
    const body = JSON.stringify({ padding: "x".repeat(24 * 1_048_576) });
    expect(await sendDelivery(url, { event: "push", body })).toMatchObject({
      status: 202,
      outcome: "stored",
    });
  });

  test("a sender that goes away leaves nothing behind", async () => {
    const outgoing = request(`${url}${webhookPath}`, {
      method: "POST",
      headers: { ...headers, "content-length": "1000" },
    });
    outgoing.on("error", () => "expected");
    outgoing.write("{");
    await new Promise((resolve) => server.once("request", resolve));
    outgoing.destroy();
    expect(await sendDelivery(url, command())).toMatchObject({ status: 202 });
    expect(await count("delivery")).toBe(1);
  });
});

describe("a database in trouble", () => {
  test("one that hangs: 503 within the deadline, and soon after all is well", async () => {
    expect(await sendDelivery(url, command())).toMatchObject({ status: 202 });
    proxy.blackhole();
    const delivery = command();
    const since = performance.now();
    const answers = await Promise.all([
      sendDelivery(url, delivery),
      ...Array.from({ length: 20 }, () => sendDelivery(url, command())),
    ]);
    expect(performance.now() - since).toBeLessThan(deadlineMs + 1_000);
    for (const answer of answers) expect(answer).toMatchObject({ status: 503, retryAfter: "60" });
    proxy.restore();
    await untilTrue(async () => (await sendDelivery(url, command())).status === 202);
    expect(await sendDelivery(url, delivery)).toMatchObject({ status: 202 });
    expect(await count("delivery")).toBe(await count("job"));
    expect(await sendDelivery(url, { event: "push", body: "{}" })).toMatchObject({
      status: 202,
      outcome: "stored",
    });
  });

  test("one that is away: 503 at the deadline, and waiting deliveries survive a short absence", async () => {
    proxy.refuse();
    expect(await sendDelivery(url, command())).toMatchObject({ status: 503 });
    const waiting = sendDelivery(url, command());
    await new Promise((resolve) => server.once("request", resolve));
    proxy.restore();
    expect(await waiting).toMatchObject({ status: 202, outcome: "queued" });
    expect(await count("job")).toBe(1);
  });

  test("a row that poisons its batch fails alone", async () => {
    const bad = { ...command(), id: "x".repeat(100) };
    await poison(bad.id);
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => sendDelivery(url, command())),
      sendDelivery(url, bad),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202, 500]);
    expect(await count("job")).toBe(5);
  });

  /** The owner forbids one id, so that its row fails for a reason of its own. */
  async function poison(id: string) {
    const owner = new Client({ connectionString: home.url });
    await owner.connect();
    await owner.query(`alter table delivery add constraint poison check (id <> '${id}')`);
    await owner.end();
  }
});
