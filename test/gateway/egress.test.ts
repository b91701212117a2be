import { createServer, request, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { DeniedEgress } from "../../src/gateway/serve-egress.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { changeTask, createTurn, startGateway, type TestGateway } from "./fixture.ts";

const publicAddress = "93.184.215.14";
/** What the resolver says in these tests. */
const names: Record<string, readonly string[]> = {
  "registry.example.org": [publicAddress],
  "deep.sub.example.com": [publicAddress, "2606:2800:21f:cb07::1"],
  "mixed.example.com": [publicAddress, "10.0.0.1"],
  "metadata.example.com": ["169.254.169.254"],
  "nowhere.example.com": [],
  "127.0.0.1": ["127.0.0.1"],
  localhost: ["::1", "127.0.0.1"],
};

let test_: TestDatabase;
let far: Server;
let farRequests: { url: string; headers: IncomingMessage["headers"]; body: string }[];
let asked: string[];
let dialled: string[];
let denied: DeniedEgress[];
let gateway: TestGateway;
let turn: Awaited<ReturnType<typeof createTurn>>;

beforeAll(async () => {
  test_ = await createTestDatabase();
});

afterAll(() => test_.close());

beforeEach(async () => {
  [farRequests, asked, dialled, denied] = [[], [], [], []];
  far = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      farRequests.push({ url: String(incoming.url), headers: incoming.headers, body });
      response.writeHead(200, { "x-far": "yes" }).end("from afar");
    });
  });
  far.listen(0, "127.0.0.1");
  await once(far, "listening");
  gateway = await startGateway(test_.database, {
    baseUrl: "http://127.0.0.1:9",
    egressHosts: ["registry.example.org", "*.example.com", "127.0.0.1", "localhost", "gone.example.net"],
    resolveHost: (host) => {
      asked.push(host);
      const found = names[host];
      if (found !== undefined) return Promise.resolve(found);
      return Promise.reject(Object.assign(new Error(`no ${host}`), { code: "ENOTFOUND" }));
    },
    connectTo: (address, port) => {
      dialled.push(`${address}:${port}`);
      return connect((far.address() as AddressInfo).port, "127.0.0.1");
    },
    onDenied: (each) => denied.push(each),
  });
  turn = await createTurn(test_.database);
});

afterEach(async () => {
  await gateway.close();
  far.closeAllConnections();
  await new Promise((resolve) => far.close(resolve));
});

const basic = (token: string) => `Basic ${Buffer.from(`turn:${token}`).toString("base64")}`;

/** Asks for a tunnel in so many bytes; resolves with the status line, and the socket when there is a tunnel. */
async function tunnel(authority: string, token: string | null = turn.token) {
  const socket = connect(gateway.socketPath);
  const auth = token === null ? "" : `proxy-authorization: ${basic(token)}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${auth}\r\n`);
  let answer = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    answer += chunk.toString();
    if (answer.startsWith("HTTP/1.1 200") && answer.endsWith("\r\n\r\n")) break;
  }
  return { status: Number(answer.split(" ")[1]), answer, socket };
}

/** A plain HTTP request through the proxy. */
async function viaProxy(url: string, token = turn.token, body = "") {
  const outgoing = request({
    socketPath: gateway.socketPath,
    path: url,
    method: "POST",
    headers: {
      host: "whatever",
      "proxy-authorization": basic(token),
      "x-kept": "1",
      connection: "keep-alive, x-hop",
      "x-hop": "1",
    },
    agent: false,
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}

test("a listed host is reached through a tunnel, at the address that was judged", async () => {
  const { status, socket } = await tunnel("registry.example.org:443");
  expect(status).toBe(200);
  const wanted = "GET /pkg HTTP/1.1\r\nhost: registry.example.org\r\nconnection: close\r\n\r\n";
  socket.write(wanted);
  expect(await text(socket)).toContain("from afar");
  expect({ asked, dialled }).toEqual({
    asked: ["registry.example.org"],
    dialled: [`${publicAddress}:443`],
  });
  await gateway.close();
  const line = gateway.logged
    .map((each) => JSON.parse(each) as Record<string, unknown>)
    .find(({ msg }) => msg === "egress");
  expect(line).toMatchObject({
    taskId: turn.taskId,
    host: "registry.example.org",
    port: 443,
    bytesOut: wanted.length,
  });
  expect(line?.bytesIn).toBeGreaterThan(50);
});

test("plain HTTP is passed on without what belongs to the proxy", async () => {
  const {
    status,
    headers,
    text: said,
  } = await viaProxy("http://Deep.Sub.example.com/a?b=c", turn.token, "body");
  expect({ status, said, far: headers["x-far"] }).toEqual({ status: 200, said: "from afar", far: "yes" });
  expect(farRequests).toMatchObject([
    { url: "/a?b=c", body: "body", headers: { host: "deep.sub.example.com", "x-kept": "1" } },
  ]);
  expect(farRequests[0]?.headers).not.toHaveProperty("proxy-authorization");
  expect(farRequests[0]?.headers).not.toHaveProperty("x-hop");
  expect(dialled).toEqual([`${publicAddress}:80`]);
});

test.each([
  ["a host that is not listed", "evil.example.net:443", "not-listed"],
  ["a host that only ends like a listed one", "evilregistry.example.org:443", "not-listed"],
  ["a suffix without a subdomain", "example.com:443", "not-listed"],
  ["a host that a listed one is part of", "registry.example.org.evil.net:443", "not-listed"],
  ["an address that is not listed", "93.184.215.14:443", "not-listed"],
  ["loopback by address, even listed", "127.0.0.1:443", "not-public"],
  ["loopback by name, even listed", "localhost:443", "not-public"],
  ["a name that leads to the metadata server", "metadata.example.com:80", "not-public"],
  ["a name with one private address among others", "mixed.example.com:443", "not-public"],
  ["a name without an address", "nowhere.example.com:443", "not-resolved"],
  ["a name that does not exist", "gone.example.net:443", "not-resolved"],
])("%s is denied by name, and nothing is dialled", async (_name, authority, reason) => {
  const host = authority.split(":")[0];
  const { status, answer } = await tunnel(authority);
  expect({ status, answer }).toEqual({
    status: 403,
    answer: expect.stringContaining(String(host)) as string,
  });
  expect((await viaProxy(`http://${String(host)}/`)).status).toBe(403);
  expect(dialled).toEqual([]);
  expect(denied.map((each) => [each.turn.taskId, each.host, each.reason])).toEqual([
    [turn.taskId, host, reason],
    [turn.taskId, host, reason],
  ]);
  expect(gateway.logged.join("")).toContain("egress denied");
});

test.each([
  "registry.example.org:22",
  "registry.example.org:8443",
  "registry.example.org",
  "registry.example.org:",
  "registry.example.org:443:443",
  "user@registry.example.org:443",
  "[::1]:443",
  "[::ffff:127.0.0.1]:443",
  "0x7f000001:22",
  "registry.example.org%00.evil.net:443",
  "registry.example.org#.evil.net:443",
])("a tunnel to %s is none", async (authority) => {
  const { status } = await tunnel(authority);
  expect([400, 403]).toContain(status);
  expect({ asked, dialled }).toEqual({ asked: [], dialled: [] });
});

test.each(["evil.net\0.registry.example.org:443", "registry.example.org\0.evil.net:443"])(
  "a null byte in the host is refused before anything is asked",
  async (authority) => {
    const { status } = await tunnel(authority);
    expect([400, 403]).toContain(status);
    expect({ asked, dialled }).toEqual({ asked: [], dialled: [] });
  },
);

test.each([
  "https://registry.example.org/",
  "http://registry.example.org:8080/",
  "http://user:password@registry.example.org/",
  "ftp://registry.example.org/",
  "http://[::1]/",
  "http://registry.example.org\\@evil.net/",
  "registry.example.org/",
])("an absolute-form request for %s is refused", async (url) => {
  expect([400, 403]).toContain((await viaProxy(url)).status);
  expect({ asked, dialled }).toEqual({ asked: [], dialled: [] });
});

test("a resolver that changes its mind does not matter: it is asked once, and its word is pinned", async () => {
  let answers = 0;
  await gateway.close();
  gateway = await startGateway(test_.database, {
    baseUrl: "http://127.0.0.1:9",
    egressHosts: ["rebind.example.net"],
    resolveHost: () => Promise.resolve([(answers += 1) === 1 ? publicAddress : "127.0.0.1"]),
    connectTo: (address, port) => {
      dialled.push(`${address}:${port}`);
      return connect((far.address() as AddressInfo).port, "127.0.0.1");
    },
  });
  expect((await tunnel("rebind.example.net:443")).status).toBe(200);
  expect((await tunnel("rebind.example.net:443")).status).toBe(403);
  expect({ answers, dialled }).toEqual({ answers: 2, dialled: [`${publicAddress}:443`] });
});

test("the proxy wants the turn's token", async () => {
  const without = await tunnel("registry.example.org:443", null);
  expect(without).toMatchObject({
    status: 407,
    answer: expect.stringContaining("proxy-authenticate: Basic") as string,
  });
  expect((await tunnel("registry.example.org:443", `rct_${"A".repeat(43)}`)).status).toBe(407);
  expect((await viaProxy("http://registry.example.org/", "wrong")).status).toBe(407);
  await changeTask(test_.database, turn.taskId, { cancelRequestedAt: new Date() });
  expect((await tunnel("registry.example.org:443")).status).toBe(403);
  expect((await viaProxy("http://registry.example.org/")).status).toBe(403);
  expect({ asked, dialled, farRequests }).toEqual({ asked: [], dialled: [], farRequests: [] });
});

test("a host that does not answer is said so", async () => {
  await gateway.close();
  gateway = await startGateway(test_.database, {
    baseUrl: "http://127.0.0.1:9",
    egressHosts: ["registry.example.org"],
    resolveHost: () => Promise.resolve([publicAddress]),
    connectTo: () => connect(9, "127.0.0.1"),
  });
  expect(await tunnel("registry.example.org:443")).toMatchObject({
    status: 502,
    answer: expect.stringContaining("ECONNREFUSED") as string,
  });
  expect((await viaProxy("http://registry.example.org/")).status).toBe(502);
});

test("closing the gateway ends its tunnels", async () => {
  const { socket } = await tunnel("registry.example.org:443");
  const closed = once(socket, "close");
  await gateway.close();
  await closed;
});

test("an agent that breaks off its tunnel harms nobody", async () => {
  const { socket } = await tunnel("registry.example.org:443");
  socket.destroy();
  expect((await tunnel("registry.example.org:443")).status).toBe(200);
});
