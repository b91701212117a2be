import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { changeTask } from "./fixture.ts";
import { openTunnel, publicAddress, useEgress, viaProxy } from "./use-egress.ts";

const egress = useEgress();

test("a listed host is reached through a tunnel, at the address that was judged", async () => {
  const { status, socket } = await openTunnel(egress, "registry.example.org:443");
  expect(status).toBe(200);
  const wanted = "GET /pkg HTTP/1.1\r\nhost: registry.example.org\r\nconnection: close\r\n\r\n";
  socket.write(wanted);
  expect(await text(socket)).toContain("from afar");
  expect(egress).toMatchObject({
    asked: ["registry.example.org"],
    dialled: [`${publicAddress}:443`],
  });
  await egress.rig.gateway.close();
  const line = egress.rig.gateway.logged
    .map((each) => JSON.parse(each) as Record<string, unknown>)
    .find(({ msg }) => msg === "egress");
  expect(line).toMatchObject({
    taskId: egress.turn.taskId,
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
  } = await viaProxy(egress, "http://Deep.Sub.example.com/a?b=c", egress.turn.token, "body");
  expect({ status, said, far: headers["x-far"] }).toEqual({ status: 200, said: "from afar", far: "yes" });
  expect(egress.farRequests).toMatchObject([
    { url: "/a?b=c", body: "body", headers: { host: "deep.sub.example.com", "x-kept": "1" } },
  ]);
  expect(egress.farRequests[0]?.headers).not.toHaveProperty("proxy-authorization");
  expect(egress.farRequests[0]?.headers).not.toHaveProperty("x-hop");
  expect(egress.dialled).toEqual([`${publicAddress}:80`]);
});

test("the proxy wants the turn's token", async () => {
  const without = await openTunnel(egress, "registry.example.org:443", null);
  expect(without).toMatchObject({
    status: 407,
    answer: expect.stringContaining("proxy-authenticate: Basic") as string,
  });
  expect((await openTunnel(egress, "registry.example.org:443", `rct_${"A".repeat(43)}`)).status).toBe(407);
  expect((await viaProxy(egress, "http://registry.example.org/", "wrong")).status).toBe(407);
  await changeTask(egress.rig.database, egress.turn.taskId, { cancelRequestedAt: new Date() });
  expect((await openTunnel(egress, "registry.example.org:443")).status).toBe(403);
  expect((await viaProxy(egress, "http://registry.example.org/")).status).toBe(403);
  expect(egress).toMatchObject({ asked: [], dialled: [], farRequests: [] });
});

test("a host that does not answer is said so", async () => {
  await egress.reopen({ connectTo: () => connect(9, "127.0.0.1") });
  expect(await openTunnel(egress, "registry.example.org:443")).toMatchObject({
    status: 502,
    answer: expect.stringContaining("ECONNREFUSED") as string,
  });
  expect((await viaProxy(egress, "http://registry.example.org/")).status).toBe(502);
});

test("closing the gateway ends its tunnels", async () => {
  const { socket } = await openTunnel(egress, "registry.example.org:443");
  const closed = once(socket, "close");
  await egress.rig.gateway.close();
  await closed;
});

test("an agent that breaks off its tunnel harms nobody", async () => {
  const { socket } = await openTunnel(egress, "registry.example.org:443");
  socket.destroy();
  expect((await openTunnel(egress, "registry.example.org:443")).status).toBe(200);
});
