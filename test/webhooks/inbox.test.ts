import { randomUUID } from "node:crypto";
import { deflateSync } from "node:zlib";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { delivery } from "../../db/schema.ts";
import { readConfig } from "../../src/config.ts";
import { startServer, type RunningServer } from "../../src/server.ts";
import { buryDelivery, findDelivery, finishDelivery } from "../../src/webhooks/delivery-store.ts";
import { silent } from "../queue/start-worker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { commentBody, sampleBody } from "./sample-bodies.ts";
import { previousSecret, secret, sendDelivery, sign, type Delivery } from "./send-delivery.ts";
import { testPrivateKey } from "./test-private-key.ts";

let home: TestDatabase;
let server: RunningServer;

beforeAll(async () => {
  home = await createTestDatabase();
  const config = readConfig({
    APP_ID: "1",
    PRIVATE_KEY: testPrivateKey,
    WEBHOOK_SECRET: secret,
    WEBHOOK_SECRET_PREVIOUS: previousSecret,
    DATABASE_URL: home.url,
    HOST: "127.0.0.1",
    PORT: "0",
  });
  server = await startServer({ config, log: silent });
});

afterAll(async () => {
  await server.close();
  await home.close();
});

beforeEach(async () => {
  await home.database.system.execute(sql`delete from delivery`);
  await home.database.system.execute(sql`delete from pgboss.job`);
});

const send = (delivery: Delivery) => sendDelivery(server.url, delivery);

async function stored() {
  return home.database.system.execute<{
    id: string;
    event: string;
    status: string;
    business_key: string | null;
  }>(sql`select id, event, status, business_key from delivery order by received_at`);
}

async function jobs() {
  const rows = await home.database.system.execute<{ delivery: string }>(
    sql`select data->>'deliveryId' as delivery from pgboss.job where name = 'intake' order by id`,
  );
  return rows.map(({ delivery }) => delivery);
}

describe("what is let in", () => {
  test("what asks for nothing comes back as it was, small or large, each under its own id", async () => {
    const texts = ["small", 'ä€😀\\ " {}', "large ".repeat(100_000)];
    const sent = texts.map((text) => ({ id: randomUUID(), event: "made_up_event", body: { text } }));
    await Promise.all(sent.map((delivery) => send(delivery)));
    for (const { id, body } of sent) {
      expect(await findDelivery(home.database.system, id)).toMatchObject({ payload: body, status: "stored" });
    }
  });

  test("a body that an older version stored compressed is read as well", async () => {
    const payload = deflateSync(JSON.stringify({ zen: "x" }), { level: 1, windowBits: 13 });
    await home.database.system
      .insert(delivery)
      .values({ id: "older", event: "made_up_event", payload, source: "webhook", status: "stored" });
    expect(await findDelivery(home.database.system, "older")).toMatchObject({ payload: { zen: "x" } });
  });

  test("a command is stored with its job, and its body comes back byte for byte", async () => {
    const id = randomUUID();
    const body = JSON.stringify(commentBody("/claude fix `$(x)` \u202e \u{1F600} \u0000"), null, 1);
    expect(await send({ event: "issue_comment", body, id })).toMatchObject({
      status: 202,
      outcome: "queued",
    });
    expect(await jobs()).toEqual([id]);
    expect(await findDelivery(home.database.system, id)).toMatchObject({
      event: "issue_comment",
      action: "created",
      status: "queued",
      payload: JSON.parse(body) as unknown,
    });
  });

  test.each([
    ["an ordinary comment", "issue_comment", () => commentBody("looks fine to me")],
    ["a command in the middle of a line", "issue_comment", () => commentBody("write /claude fix it")],
    ["a word that only begins alike", "issue_comment", () => commentBody("/claudette")],
    ["an edited comment", "issue_comment", () => sampleBody("issue_comment", "edited")],
    ["a known event that asks nothing", "push", () => ({ ref: "refs/heads/main", before: "0", after: "1" })],
    ["an event that nobody knows", "made_up_event", () => ({ anything: true })],
  ])("%s is stored without a job", async (_what, event, body) => {
    expect(await send({ event, body: body() })).toMatchObject({ status: 202, outcome: "stored" });
    expect(await stored()).toMatchObject([{ event, status: "stored", business_key: null }]);
    expect(await jobs()).toEqual([]);
  });

  test.each([
    ["on a later line, indented, in capitals", () => commentBody("please\r\n   /CLAUDE fix")],
    ["with a colon", () => commentBody("/claude: fix")],
  ])("a command %s makes a job", async (_what, body) => {
    expect(await send({ event: "issue_comment", body: body() })).toMatchObject({ outcome: "queued" });
  });

  test("any label, an assignment, an end and news of an installation make jobs", async () => {
    const label = sampleBody("issues", "labeled");
    label.label = { ...(label.label as object), name: "only the repository knows" };
    label.issue.updated_at = new Date().toISOString();
    const assigned = sampleBody("issues", "assigned");
    assigned.issue.updated_at = new Date().toISOString();
    const closed = sampleBody("pull_request", "closed") as unknown as {
      pull_request: { head: { ref: string } };
    };
    closed.pull_request.head.ref = "claude/7-fix";
    for (const [event, body] of [
      ["issues", label],
      ["issues", assigned],
      ["issues", sampleBody("issues", "deleted")],
      ["pull_request", closed],
      ["installation", sampleBody("installation", "created")],
      ["installation", sampleBody("installation", "suspend")],
      ["installation_repositories", sampleBody("installation_repositories", "added")],
      ["repository", sampleBody("repository", "renamed")],
    ] as const) {
      expect(await send({ event, body })).toMatchObject({ status: 202, outcome: "queued" });
    }
    expect(await jobs()).toHaveLength(8);
  });

  test("the previous secret is still accepted", async () => {
    const delivery = { event: "issue_comment", body: commentBody("/claude fix"), signedWith: previousSecret };
    expect(await send(delivery)).toMatchObject({ status: 202, outcome: "queued" });
  });

  test("events that we do not know are kept and make no job", async () => {
    expect(await send({ event: "made_up_event", body: { zen: "x" } })).toMatchObject({ outcome: "stored" });
    expect(await send({ event: "star", body: sampleBody("star", "created") })).toMatchObject({ status: 202 });
    expect(await stored()).toMatchObject([
      { event: "made_up_event", status: "stored", business_key: null },
      { event: "star", status: "stored", business_key: null },
    ]);
    expect(await jobs()).toEqual([]);
  });

  test("a command in a quote makes a job, which notes it for those who ask why", async () => {
    const body = commentBody("> /claude fix it");
    expect(await send({ event: "issue_comment", body })).toMatchObject({ status: 202, outcome: "queued" });
  });

  test("a ping is answered and not stored", async () => {
    expect(
      await send({ event: "ping", body: { zen: "Speak like a human.", hook_id: 1, hook: {} } }),
    ).toMatchObject({ status: 200 });
    expect(await stored()).toHaveLength(0);
  });

  test("a trigger older than three days is stored with a job that notes it, and stands in the way of nothing", async () => {
    const old = commentBody("/claude fix");
    old.comment.created_at = new Date(Date.now() - 3 * 86_400_000 - 1_000).toISOString();
    expect(await send({ event: "issue_comment", body: old })).toMatchObject({
      status: 202,
      outcome: "too-old",
    });
    expect(await stored()).toMatchObject([{ status: "queued", business_key: null }]);
    expect(await jobs()).toHaveLength(1);
  });
});

describe("what is refused", () => {
  const body = () => commentBody("/claude fix");
  const refusals: [string, number, () => Delivery][] = [
    [
      "unsigned",
      401,
      () => ({ event: "issue_comment", body: body(), headers: { "x-hub-signature-256": null } }),
    ],
    [
      "signed by another",
      401,
      () => ({ event: "issue_comment", body: body(), signedWith: "somebody else's secret" }),
    ],
    [
      "signed with sha1",
      401,
      () => ({ event: "issue_comment", body: body(), headers: { "x-hub-signature-256": "sha1=00" } }),
    ],
    [
      "a signature of another body",
      401,
      () => ({ event: "push", body: "{}", headers: { "x-hub-signature-256": sign("[]") } }),
    ],
    ["without an event", 400, () => ({ event: "x", body: body(), headers: { "x-github-event": null } })],
    [
      "without a delivery id",
      400,
      () => ({ event: "issue_comment", body: body(), headers: { "x-github-delivery": null } }),
    ],
    [
      "a delivery id that is none",
      400,
      () => ({ event: "issue_comment", body: body(), id: "'; drop table delivery" }),
    ],
    [
      "another content type",
      415,
      () => ({ event: "issue_comment", body: body(), headers: { "content-type": "text/plain" } }),
    ],
    ["not JSON", 400, () => ({ event: "issue_comment", body: "{" })],
    ["null", 400, () => ({ event: "issue_comment", body: "null" })],
    ["a number", 400, () => ({ event: "issue_comment", body: "5" })],
    ["a list", 400, () => ({ event: "issue_comment", body: "[]" })],
    ["an empty body", 400, () => ({ event: "issue_comment", body: "" })],
    ["a comment under the name of an issue", 400, () => ({ event: "issues", body: body() })],
    ["a comment under an unknown name", 400, () => ({ event: "made_up_event", body: body() })],
    [
      "something else under the name of a comment",
      400,
      () => ({ event: "issue_comment", body: { zen: "x" } }),
    ],
    [
      "a comment that lacks its number",
      400,
      () => ({ event: "issue_comment", body: { ...body(), comment: { body: "/claude" } } }),
    ],
  ];

  test.each(refusals)("%s: %i", async (_what, status, delivery) => {
    const answer = await send(delivery());
    expect(answer).toMatchObject({ status });
    expect(answer.detail).toMatch(/.{10}/);
    expect(await stored()).toHaveLength(0);
    expect(await jobs()).toEqual([]);
  });

  test("GET: 405", async () => {
    const response = await fetch(`${server.url}/api/github/webhooks`);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
  });
});

describe("the same again", () => {
  test("a redelivery, and a replay under another id, find it done", async () => {
    const id = randomUUID();
    const body = commentBody("/claude fix");
    expect(await send({ event: "issue_comment", body, id })).toMatchObject({ outcome: "queued" });
    expect(await send({ event: "issue_comment", body, id })).toMatchObject({
      status: 202,
      outcome: "duplicate",
    });
    expect(await send({ event: "issue_comment", body })).toMatchObject({ status: 202, outcome: "duplicate" });
    expect(await stored()).toHaveLength(1);
    expect(await jobs()).toEqual([id]);
  });

  test("a finished delivery is not run again, a dead one is", async () => {
    const { system } = home.database;
    const id = randomUUID();
    const delivery = { event: "issue_comment", body: commentBody("/claude fix"), id };
    await send(delivery);
    await finishDelivery(system, id);
    expect(await send(delivery)).toMatchObject({ outcome: "duplicate" });
    await system.execute(sql`update delivery set status = 'queued'`);
    await buryDelivery(system, id, "it had used up its attempts");
    expect(await send(delivery)).toMatchObject({ outcome: "queued" });
    expect(await stored()).toMatchObject([{ id, status: "queued" }]);
    expect(await jobs()).toEqual([id, id]);
  });

  test("fifty sockets at once, each with copies under equal and other ids: one row and one job a command", async () => {
    const commands = Array.from({ length: 20 }, (_, index) => ({
      body: commentBody(`/claude fix ${index}`),
      id: randomUUID(),
    }));
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async (_, socket) => {
        const seen: (string | undefined)[] = [];
        for (const { body, id } of socket % 2 === 0 ? commands : commands.toReversed()) {
          const event = socket % 10 === 9 ? "issues" : "issue_comment";
          const answer = await send({ event, body, ...(socket % 3 === 0 ? {} : { id }) });
          expect(answer.status).toBe(event === "issues" ? 400 : 202);
          seen.push(answer.outcome);
        }
        return seen;
      }),
    );
    expect(outcomes.flat().filter((outcome) => outcome === "queued")).toHaveLength(commands.length);
    expect(await stored()).toHaveLength(commands.length);
    expect(new Set(await jobs()).size).toBe(commands.length);
    expect(await jobs()).toHaveLength(commands.length);
  });
});
