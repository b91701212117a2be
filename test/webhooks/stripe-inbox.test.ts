import { createHmac, randomUUID } from "node:crypto";
import { request as openRequest } from "node:http";
import { sql } from "drizzle-orm";
import Stripe from "stripe";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { stripeEvent } from "../../db/schema.ts";
import { isSignedByStripe } from "../../src/webhooks/stripe-signature.ts";
import { openDatabase } from "../../db/client.ts";
import { openDoor, openPayers, rotated, secret } from "../billing/payers.ts";
import { proxyDatabase } from "../support/tcp-proxy.ts";
import { untilTrue } from "../support/until-true.ts";

let world: Awaited<ReturnType<typeof openPayers>>;

beforeAll(async () => {
  world = await openPayers();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.system.execute(sql`delete from stripe_event`);
  await world.system.execute(sql`delete from pgboss.job`);
});

const seconds = () => Math.floor(Date.now() / 1000);
const newEvent = (more: object = {}) => ({
  ...{ id: `evt_${randomUUID()}`, object: "event", type: "invoice.paid", livemode: false },
  ...{ data: { object: { id: "in_1", object: "invoice", customer: "cus_1" } }, ...more },
});
const sign = (body: string, { at = seconds(), by = [secret] } = {}) =>
  [`t=${at}`, ...by.map((key) => `v1=${hmac(key, `${at}.${body}`)}`)].join(",");
const hmac = (key: string, text: string) => createHmac("sha256", key).update(text).digest("hex");
const post = (body: string, header?: string) =>
  fetch(world.url, {
    method: "POST",
    body,
    headers: header === undefined ? {} : { "stripe-signature": header },
  });
const jobs = async () =>
  (await world.system.execute(sql`select 1 from pgboss.job where name = 'stripe-events'`)).length;

test("an event is stored byte for byte with its job before it is answered, and once", async () => {
  const body = JSON.stringify(newEvent({ text: "ä€😀 \\ " }), null, 2);
  const first = await post(body, sign(body));
  expect([first.status, await first.json()]).toEqual([200, { outcome: "stored" }]);
  const [row] = await world.system.select().from(stripeEvent);
  expect(row?.payload.toString("utf8")).toBe(body);
  expect(await jobs()).toBe(1);
  const again = await post(body, sign(body));
  expect([again.status, await again.json()]).toEqual([200, { outcome: "duplicate" }]);
  expect(await world.system.$count(stripeEvent)).toBe(1);
});

test("a hundred deliveries of one event at once are one row", async () => {
  const body = JSON.stringify(newEvent());
  const answers = await Promise.all(Array.from({ length: 100 }, () => post(body, sign(body))));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await world.system.$count(stripeEvent)).toBe(1);
});

test("both secrets count while one is rotated, and Stripe's own signer agrees with ours", async () => {
  const stripe = new Stripe("sk_test_x");
  for (const by of [[secret], [rotated], ["whsec_other", rotated]]) {
    const body = JSON.stringify(newEvent());
    expect((await post(body, sign(body, { by }))).status).toBe(200);
  }
  const body = JSON.stringify(newEvent());
  const header = stripe.webhooks.generateTestHeaderString({ payload: body, secret });
  expect((await post(body, header)).status).toBe(200);
});

const body = JSON.stringify(newEvent());
test.each<[string, string | undefined, string]>([
  ["no signature", undefined, body],
  ["an empty one", "", body],
  ["another secret", sign(body, { by: ["whsec_other"] }), body],
  ["an empty secret", sign(body, { by: [""] }), body],
  ["other bytes", sign(body), `${body} `],
  ["too old", sign(body, { at: seconds() - 900 }), body],
  ["too far ahead", sign(body, { at: seconds() + 900 }), body],
  ["two times", `t=${seconds()},${sign(body)}`, body],
  ["no time", sign(body).replace(/^t=\d+,/, ""), body],
  ["an older scheme", sign(body).replace("v1=", "v0="), body],
  ["half a digest", sign(body).slice(0, -2), body],
])("is refused with 401: %s", async (_name, header, sent) => {
  expect((await post(sent, header)).status).toBe(401);
  expect(await world.system.$count(stripeEvent)).toBe(0);
});

test.each([
  [-301, false],
  [-300, true],
  [300, true],
  [301, false],
])("a signature %i seconds from our time counts: %s", (seconds, counts) => {
  const at = 1_800_000_000;
  const now = new Date((at - seconds) * 1_000);
  const header = sign(body, { at });
  expect(isSignedByStripe(Buffer.from(body), { header, secrets: [secret], now })).toBe(counts);
});

test("no secret lets nothing in", () => {
  const now = new Date();
  expect(isSignedByStripe(Buffer.from(body), { header: sign(body), secrets: [], now })).toBe(false);
  expect(isSignedByStripe(Buffer.from(body), { header: sign(body, { by: [""] }), secrets: [""], now })).toBe(
    false,
  );
});

test("what is no event, or of the other mode, is refused with 400", async () => {
  for (const text of ["no JSON", "[]", "{}", JSON.stringify(newEvent({ livemode: true }))])
    expect((await post(text, sign(text))).status).toBe(400);
  expect((await fetch(world.url)).status).toBe(405);
  expect(await world.system.$count(stripeEvent)).toBe(0);
});

test("a body that is larger than any event is refused while it streams, before its end", async () => {
  const { status, sent } = await streamForever(world.url);
  expect(status).toBe(413);
  expect(sent).toBeLessThan(64 * 1_048_576);
});

test("is answered 503 while the database is away or hangs, and stored when it is sent again", async () => {
  const { proxy, url } = await proxyDatabase(world.home.url);
  const proxied = openDatabase({ url });
  const door = await openDoor({ system: proxied.system, queue: world.queue });
  const text = JSON.stringify(newEvent());
  const send = async () =>
    (await fetch(door.url, { method: "POST", body: text, headers: { "stripe-signature": sign(text) } }))
      .status;
  expect(await proxied.system.$count(stripeEvent)).toBe(0);
  proxy.blackhole();
  expect(await send()).toBe(503);
  proxy.refuse();
  expect(await send()).toBe(503);
  expect(await world.system.$count(stripeEvent)).toBe(0);
  proxy.restore();
  await untilTrue(async () => (await send()) === 200);
  expect(await world.system.$count(stripeEvent)).toBe(1);
  door.close();
  await proxied.close();
  await proxy.close();
});

/** Sends a body without a length until it is answered. */
function streamForever(url: string): Promise<{ status: number; sent: number }> {
  const chunk = Buffer.alloc(65_536, "x");
  let sent = 0;
  return new Promise((resolve, reject) => {
    const request = openRequest(url, { method: "POST", headers: { "stripe-signature": "t=1,v1=00" } });
    request.on("response", (response) => {
      resolve({ status: response.statusCode ?? 0, sent });
      request.destroy();
    });
    // It may be cut off in the middle of a chunk, after its answer.
    request.on("error", reject);
    const more = (): void => {
      while (!request.destroyed && sent < 64 * 1_048_576) {
        sent += chunk.length;
        if (!request.write(chunk)) return void request.once("drain", more);
      }
    };
    more();
  });
}
