import { createServer } from "node:net";
import { once } from "node:events";
import { Daytona } from "@daytona/sdk";
import { expect, onTestFinished, test, vi, type TestContext } from "vitest";
import { needBwrap } from "../support/need-bwrap.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { startDaytona, type DaytonaOptions } from "./daytona/start-daytona.ts";

vi.setConfig({ testTimeout: 60_000 });

/** The stand-in with the genuine SDK before it and nothing of ours between. */
async function stage(context: TestContext, options: DaytonaOptions = {}) {
  await needBwrap(context);
  const standin = await startDaytona(options);
  onTestFinished(() => standin.close());
  const { apiKey, apiUrl } = standin;
  return { standin, sdk: new Daytona({ apiKey, apiUrl, useDeprecatedPolling: true }) };
}

const asked = { snapshot: "remote-claude", public: false, labels: { app: "a" }, networkBlockAll: true };

test("the genuine SDK makes, uses, stops, starts, lists and deletes a machine without a violation", async (context) => {
  const { standin, sdk } = await stage(context);
  const machine = await sdk.create({ ...asked, name: "one", autoStopInterval: 5 });
  expect(machine).toMatchObject({
    name: "one",
    state: "started",
    autoStopInterval: 5,
    networkBlockAll: true,
  });
  expect(await machine.process.executeCommand("id -u; pwd; exit 3", undefined, undefined, 10)).toMatchObject({
    exitCode: 3,
    result: "1000\n/home/user\n",
  });
  await machine.fs.uploadFile(Buffer.from("content"), "/workspace/file", 60);
  await machine.stop();
  expect(machine.state).toBe("stopped");
  await machine.start();
  expect(Buffer.from(await machine.fs.downloadFile("/workspace/file", 60)).toString("utf8")).toBe("content");
  await expect(machine.fs.downloadFile("/workspace/none", 60)).rejects.toMatchObject({ statusCode: 404 });
  const listed = [];
  for await (const { id } of sdk.list({ labels: { app: "a" } })) listed.push(id);
  expect(listed).toEqual([machine.id]);
  await machine.delete(60, true);
  await expect(sdk.get("one")).rejects.toMatchObject({ statusCode: 404 });
  expect(standin.violations).toEqual([]);
});

test("names are unique, snapshots known, allow lists IPv4 networks", async (context) => {
  const { standin, sdk } = await stage(context);
  await sdk.create({ ...asked, name: "one" });
  await expect(sdk.create({ ...asked, name: "one" })).rejects.toMatchObject({ statusCode: 409 });
  await expect(sdk.create({ ...asked, snapshot: "other" })).rejects.toMatchObject({ statusCode: 400 });
  for (const networkAllowList of [
    "::1/128",
    "127.0.0.1",
    "example.org",
    Array(11).fill("1.2.3.4/32").join(),
  ]) {
    await expect(
      sdk.create({ snapshot: "remote-claude", public: false, networkAllowList }),
    ).rejects.toMatchObject({
      statusCode: 400,
    });
  }
  expect(standin.machines()).toHaveLength(1);
  expect(standin.violations).toEqual([]);
});

test("what the SDK does not send is a violation that names itself", async (context) => {
  const { standin, sdk } = await stage(context);
  await expect(sdk.create({ ...asked, volumes: [{ volumeId: "v", mountPath: "/v" }] })).rejects.toThrow();
  const machine = await sdk.create(asked);
  await expect(machine.archive()).rejects.toMatchObject({ statusCode: 404 });
  await fetch(`${standin.apiUrl}/sandbox`, {
    headers: { authorization: `Bearer ${standin.apiKey}`, "x-odd": "1" },
  });
  const said = standin.violations.join("\n");
  for (const word of ["volumes", "/archive", "x-odd: 1", "no header x-daytona-source"])
    expect(said).toContain(word);
});

test("a wrong key is refused everywhere", async (context) => {
  const { standin } = await stage(context);
  const sdk = new Daytona({ apiKey: "wrong", apiUrl: standin.apiUrl, useDeprecatedPolling: true });
  await expect(sdk.get("x")).rejects.toMatchObject({ statusCode: 401 });
  await expect(sdk.create(asked)).rejects.toMatchObject({ statusCode: 401 });
  expect(standin.machines()).toEqual([]);
});

test("a machine is an isolated one: own processes, own network, nothing of the host", async (context) => {
  const server = createServer((socket) => socket.end("hello")).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const { sdk } = await stage(context, { reachable: [{ host: "127.0.0.1", port }] });
  const machine = await sdk.create(asked);
  const run = async (command: string) =>
    (await machine.process.executeCommand(command, undefined, undefined, 10)).result.trim();
  expect(Number(await run("ls /proc | grep -c '^[0-9]'"))).toBeLessThan(12);
  expect(await run(`test -e ${import.meta.filename} || echo none`)).toBe("none");
  const reach = `bash -c 'cat </dev/tcp/127.0.0.1/${port}' 2>/dev/null || echo none`;
  expect(await run(reach)).toBe("none");
  await machine.updateNetworkSettings({ networkAllowList: "127.0.0.0/8" });
  expect(await run(reach)).toBe("hello");
  await machine.updateNetworkSettings({ networkAllowList: "203.0.113.0/24" });
  expect(await run(reach)).toBe("none");
});

test("its state outlasts a restart and a close, and what ran does not", async (context) => {
  const directory = await temporaryFolder();
  const { standin, sdk } = await stage(context, { directory });
  const machine = await sdk.create({ ...asked, name: "one" });
  await machine.process.executeCommand(
    "echo kept >/workspace/x; setsid sleep 600 >/dev/null 2>&1 &",
    undefined,
    undefined,
    10,
  );
  const pids = standin.processes(machine.id);
  expect(pids).not.toEqual([]);
  await standin.restart();
  expect(standin.processes(machine.id)).toEqual([]);
  const again = await sdk.get("one");
  expect((await again.process.executeCommand("cat /workspace/x", undefined, undefined, 10)).result).toBe(
    "kept\n",
  );
  await standin.close();
  const next = await startDaytona({ directory });
  onTestFinished(() => next.close());
  expect(next.machines()).toMatchObject([{ name: "one", state: "started" }]);
});
