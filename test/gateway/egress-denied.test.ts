import { expect, test } from "vitest";
import { openTunnel, publicAddress, useEgress, viaProxy } from "./use-egress.ts";

const egress = useEgress();

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
  const { status, answer } = await openTunnel(egress, authority);
  expect({ status, answer }).toEqual({
    status: 403,
    answer: expect.stringContaining(String(host)) as string,
  });
  expect((await viaProxy(egress, `http://${String(host)}/`)).status).toBe(403);
  expect(egress.dialled).toEqual([]);
  expect(egress.denied.map((each) => [each.turn.taskId, each.host, each.reason])).toEqual([
    [egress.turn.taskId, host, reason],
    [egress.turn.taskId, host, reason],
  ]);
  expect(egress.rig.gateway.logged.join("")).toContain("egress denied");
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
  const { status } = await openTunnel(egress, authority);
  expect([400, 403]).toContain(status);
  expect(egress).toMatchObject({ asked: [], dialled: [] });
});

test.each(["evil.net\0.registry.example.org:443", "registry.example.org\0.evil.net:443"])(
  "a null byte in the host is refused before anything is asked",
  async (authority) => {
    const { status } = await openTunnel(egress, authority);
    expect([400, 403]).toContain(status);
    expect(egress).toMatchObject({ asked: [], dialled: [] });
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
  expect([400, 403]).toContain((await viaProxy(egress, url)).status);
  expect(egress).toMatchObject({ asked: [], dialled: [] });
});

test("a resolver that changes its mind does not matter: it is asked once, and its word is pinned", async () => {
  let answers = 0;
  await egress.reopen({
    resolveHost: () => Promise.resolve([(answers += 1) === 1 ? publicAddress : "127.0.0.1"]),
  });
  expect((await openTunnel(egress, "rebind.example.net:443")).status).toBe(200);
  expect((await openTunnel(egress, "rebind.example.net:443")).status).toBe(403);
  expect({ answers, dialled: egress.dialled }).toEqual({ answers: 2, dialled: [`${publicAddress}:443`] });
});
