import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { readConfig } from "../src/config.ts";
import { startServer, type RunningServer } from "../src/server.ts";
import { silent } from "./queue/start-worker.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { readSourceFiles } from "./support/source-files.ts";
import { proxyDatabase } from "./support/tcp-proxy.ts";
import { commentBody } from "./webhooks/sample-bodies.ts";
import { secret, sendDelivery, toRequest } from "./webhooks/send-delivery.ts";
import { testPrivateKey } from "./webhooks/test-private-key.ts";

const inboxPath = "/api/github/webhooks";
let home: TestDatabase;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  home = await createTestDatabase();
});

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

afterAll(() => home.close());

const environment = (databaseUrl: string) => ({
  APP_ID: "1",
  PRIVATE_KEY: testPrivateKey,
  WEBHOOK_SECRET: secret,
  DATABASE_URL: databaseUrl,
  HOST: "127.0.0.1",
  PORT: "0",
});

async function start(input: Parameters<typeof startServer>[0]): Promise<RunningServer> {
  const server = await startServer({ log: silent, ...input });
  closing.push(() => server.close());
  return server;
}

test("answers on health, readiness and metrics, and says what it does not have", async () => {
  const server = await start({ config: readConfig(environment(home.url)) });
  await sendDelivery(server.url, { event: "push", body: "{}" });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({
    ready: true,
    checks: { open: true, database: true, queue: true },
  });
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('remote_claude_deliveries_total{outcome="stored"} 1');
  expect(metrics).toContain("remote_claude_intake_seconds_count 1");
  expect(metrics).toContain('remote_claude_queue_jobs{queue="run-task",state="active"} 0');
  const nothing = await fetch(`${server.url}/nowhere?x=1`);
  expect(nothing.status).toBe(404);
  expect(nothing.headers.get("content-type")).toBe("application/problem+json");
  expect(await nothing.json()).toMatchObject({ status: 404, detail: "There is nothing at /nowhere." });
});

test("is alive but not ready while the database hangs", async () => {
  const { url, proxy } = await proxyDatabase(home.url);
  closing.push(() => proxy.close());
  const server = await start({ config: readConfig(environment(url)) });
  proxy.blackhole();
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${server.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ ready: false, checks: { database: false } });
});

test("without an App it answers on health and to the routes it was given, and webhooks get 503", async () => {
  const config = readConfig({ HOST: "127.0.0.1", PORT: "0" });
  const server = await start({
    config,
    routes: [
      (incoming, response) => {
        if (incoming.url !== "/setup") return false;
        response.end("the setup page");
        return true;
      },
    ],
  });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${server.url}/setup`)).text()).toBe("the setup page");
  expect(await sendDelivery(server.url, { event: "push", body: "{}" })).toMatchObject({ status: 503 });
  expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
});

test("a route that fails is a 500 without its reason", async () => {
  const config = readConfig({ HOST: "127.0.0.1", PORT: "0" });
  const server = await start({ config, routes: [() => Promise.reject(new Error("the password is 1234"))] });
  const response = await fetch(`${server.url}/anything`);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("1234");
});

test(
  "with agents elsewhere, a delivery has as little time to come in as without",
  { timeout: 40_000 },
  async () => {
    const remote = {
      SANDBOX_PROVIDER: "e2b",
      E2B_API_KEY: "e2b_test",
      PUBLIC_URL: "https://claude.example.com",
    };
    const server = await start({ config: readConfig({ ...environment(home.url), ...remote }) });
    const { headers } = toRequest({ event: "push", body: "{}" });
    const outgoing = request(`${server.url}${inboxPath}`, {
      method: "POST",
      headers: { ...headers, "content-length": "1000" },
    });
    outgoing.write("{");
    const since = performance.now();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(408);
    expect(performance.now() - since).toBeGreaterThan(9_000);
    await once(outgoing, "close");
    expect(performance.now() - since).toBeLessThan(25_000);
  },
);

test("the server stays lean: nothing it needs brings what only agents and commands need", () => {
  const files = new Map(readSourceFiles(["src", "db"]).map((file) => [file.path, file]));
  const seen = new Set<string>();
  const open = ["src/server.ts"];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const { target, typeOnly } of files.get(path)?.imports ?? []) if (!typeOnly) open.push(target);
  }
  expect(seen).toContain("src/gateway/gateway-route.ts");
  const heavy = ["probot", "@vibe-kit/sdk", "e2b", "@daytona/sdk", "cockatiel", "aws4fetch", "@octokit/rest"];
  expect(heavy.filter((name) => seen.has(name))).toEqual([]);
});

test("an App without a database refuses to start, with what to do", async () => {
  await expect(startServer({ config: readConfig(environment("")), log: silent })).rejects.toMatchObject({
    code: "database-url-missing",
  });
});

/** The server as a process of its own. */
async function spawnServer(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../src/server.ts", import.meta.url))], {
    env: { PATH: process.env.PATH, ...environment(home.url), LOG_LEVEL: "info" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  closing.push(async () => {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { url?: string };
    if (url !== undefined) {
      child.stdout.resume();
      return { child, url };
    }
  }
  throw new Error("the server ended without listening");
}

test("SIGTERM: what is under way is answered, then the process ends well", async () => {
  const { child, url } = await spawnServer();
  const { text, headers } = toRequest({ event: "issue_comment", body: commentBody("/claude fix") });
  const outgoing = request(`${url}${inboxPath}`, {
    method: "POST",
    headers: { ...headers, "content-length": String(Buffer.byteLength(text)), expect: "100-continue" },
  });
  outgoing.flushHeaders();
  await once(outgoing, "continue");
  outgoing.write(text.slice(0, 100));
  child.kill("SIGTERM");
  await expect.poll(() => fetch(`${url}/healthz`).catch(() => "refused")).toBe("refused");
  outgoing.end(text.slice(100));
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(202);
  const answeredAt = performance.now();
  const [code] = (await once(child, "exit")) as [number | null];
  expect(code).toBe(0);
  expect(performance.now() - answeredAt).toBeLessThan(5_000);
});

test(
  "a body of 200 MB is refused, however it is sent, and does not grow the process by 40 MB",
  { timeout: 60_000 },
  async () => {
    const { child, url } = await spawnServer();
    const rssMb = async () => {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    };
    const { headers } = toRequest({ event: "issue_comment", body: "{}" });
    for (let times = 0; times < 50; times += 1) await sendDelivery(url, { event: "push", body: "{}" });
    const chunk = Buffer.alloc(1_048_576, " ");
    const flood = (withLength: boolean, signed: boolean) =>
      new Promise<number | undefined>((resolve) => {
        const { "x-hub-signature-256": signature, ...rest } = headers;
        const outgoing = request(`${url}${inboxPath}`, {
          method: "POST",
          agent: false,
          headers: {
            ...rest,
            ...(signed ? { "x-hub-signature-256": signature } : {}),
            ...(withLength ? { "content-length": String(200 * chunk.length) } : {}),
          },
        });
        let status: number | undefined;
        let sent = 0;
        const push = () => {
          while (sent < 200 && !outgoing.destroyed) {
            sent += 1;
            if (!outgoing.write(chunk)) return void outgoing.once("drain", push);
          }
          outgoing.end();
        };
        outgoing.on("response", (response) => {
          status = response.statusCode;
          response.resume();
        });
        outgoing.on("error", () => "the server hung up").on("close", () => resolve(status));
        push();
      });
    expect([await flood(true, true), await flood(true, false), await flood(false, false)]).toEqual([
      413, 413, 401,
    ]);
    const before = await rssMb();
    // The worst: it must be read as far as is allowed, because only its end would tell that it is not ours.
    expect(await flood(false, true)).toBe(413);
    const after = await rssMb();
    console.info(`RSS ${before.toFixed(0)} MB before, ${after.toFixed(0)} MB after`);
    expect(after - before).toBeLessThan(40);
    expect(await sendDelivery(url, { event: "push", body: "{}" })).toMatchObject({ status: 202 });
  },
);
