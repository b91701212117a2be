import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { daytonaNetwork, type ResolveIpv4 } from "../../src/sandbox/daytona-network.ts";
import { daytonaMachine, daytonaStage, lease, spec } from "../standins/daytona/stage.ts";

vi.setConfig({ testTimeout: 60_000 });

const resolveTo =
  (table: Record<string, readonly string[]>): ResolveIpv4 =>
  (host) => {
    const addresses = table[host];
    if (addresses === undefined) return Promise.reject(new Error(`queryA ENOTFOUND ${host}`));
    return Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
  };

test("an allow list is what the hosts resolve to, once each and in order; none blocks all", async () => {
  const resolve = resolveTo({ "b.example": ["203.0.113.9", "203.0.113.1"], "a.example": ["203.0.113.1"] });
  expect(await daytonaNetwork(resolve, [])).toEqual({ networkBlockAll: true });
  expect(await daytonaNetwork(resolve, ["b.example:443", "a.example", "198.51.100.7"])).toEqual({
    networkAllowList: "198.51.100.7/32,203.0.113.1/32,203.0.113.9/32",
  });
});

test.each(["*.example.org", "::1", "2001:db8::1", "10.0.0.0/8", ""])("%j is refused", async (host) => {
  await expect(daytonaNetwork(resolveTo({}), [host])).rejects.toMatchObject({ fault: "refused" });
});

test("a host that does not resolve is transient, more than ten addresses are refused", async () => {
  await expect(daytonaNetwork(resolveTo({}), ["none.example"])).rejects.toMatchObject({
    ...{ name: "SandboxError", fault: "transient", message: /none\.example/ },
  });
  const many = { "many.example": Array.from({ length: 11 }, (_, index) => `203.0.113.${index}`) };
  await expect(daytonaNetwork(resolveTo(many), ["many.example"])).rejects.toMatchObject({ fault: "refused" });
});

test("a machine reaches the gateway's address and nothing else, as it is opened with now", async (context) => {
  const server = createServer((_, response) => response.end("gateway")).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const resolve = resolveTo({ "gateway.example": ["127.0.0.1"], "other.example": ["203.0.113.1"] });
  const { daytona, provider } = await daytonaStage(context, {
    standin: { reachable: [{ host: "127.0.0.1", port }] },
    provider: { resolve },
  });
  const sandbox = await provider.create({ ...spec, egress: ["gateway.example"] });
  const ask = async (machine = sandbox) => {
    const script = `fetch("http://127.0.0.1:${port}").then((r) => r.text()).then(console.log, () => console.log("none"))`;
    const result = await machine.exec({ argv: ["node", "-e", script], timeoutMs: 20_000 });
    return result.stdoutTail.trim();
  };
  expect(await ask()).toBe("gateway");
  expect(daytona.machines()).toMatchObject([{ networkBlockAll: false, networkAllowList: "127.0.0.1/32" }]);
  // The list of the last turn gives way as a whole, on a machine that runs and on one that was stopped.
  expect(await ask(await provider.connect(sandbox.id, { ...lease, egress: ["other.example"] }))).toBe("none");
  expect(await ask(await provider.connect(sandbox.id, { ...lease, egress: ["gateway.example"] }))).toBe(
    "gateway",
  );
  await provider.pauseById(sandbox.id);
  expect(await ask(await provider.connect(sandbox.id, lease))).toBe("none");
  expect(daytona.machines()).toMatchObject([{ networkBlockAll: true, networkAllowList: null }]);
  await expect(provider.connect(sandbox.id, { ...lease, egress: ["none.example"] })).rejects.toMatchObject({
    fault: "transient",
  });
});

test("a machine whose network is not limited as asked is not used", async (context) => {
  const { daytona, provider, sandbox } = await daytonaMachine(context);
  const open = { ...daytona.machines()[0], toolboxProxyUrl: "http://127.0.0.1:9", networkBlockAll: false };
  daytona.fault({ path: /network-settings/, when: "after", do: { status: 200, body: open } });
  await expect(provider.connect(sandbox.id, lease)).rejects.toMatchObject({
    fault: "refused",
    message: /limit/,
  });
  daytona.fault({ method: "POST", path: /\/api\/sandbox$/, when: "after", do: { status: 200, body: open } });
  const other = { ...spec, metadata: { ...spec.metadata, fence: "2" } };
  await expect(provider.create(other)).rejects.toMatchObject({ fault: "refused" });
});
