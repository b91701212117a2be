import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localMachine, localProvider } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { untilTrue } from "../support/until-true.ts";

const lease = { timeoutMs: 60_000, egress: [] };
const spec = { ...lease, metadata: { app: "test", session: "s", fence: "1" } };

test("the probe starts an isolated command and leaves nothing behind", async (context) => {
  await needBwrap(context);
  const dataDir = await temporaryFolder();
  const warnings: string[] = [];
  const provider = localProvider(dataDir, { log: { warn: (line: string) => warnings.push(line) } as never });
  expect(await provider.probe()).toMatchObject({ kind: "bwrap" });
  expect(warnings.join("\n")).not.toContain("without isolation");
  expect(await readdir(join(dataDir, "sandboxes"))).toEqual([".shared"]);
});

test("without isolation the probe says so on every boot", async () => {
  const warnings: string[] = [];
  const log = { warn: (line: string) => warnings.push(line) } as never;
  const provider = localProvider(await temporaryFolder(), { isolation: "none", log });
  expect(await provider.probe()).toMatchObject({ kind: "none" });
  expect(await provider.probe()).toMatchObject({ kind: "none" });
  expect(warnings.filter((line) => line.includes("without isolation"))).toHaveLength(2);
});

test("a CLAUDE_BIN that is not there is told at the probe", async () => {
  const provider = localProvider(await temporaryFolder(), { claudeBin: "/nowhere/claude" });
  await expect(provider.probe()).rejects.toMatchObject({ code: "claude-missing" });
});

test("a machine outlives the worker that made it", async (context) => {
  await needBwrap(context);
  const { dataDir, sandbox, sh } = await localMachine();
  await sh("echo kept > $HOME/note; echo kept > /workspace/note");
  const again = await localProvider(dataDir).connect(sandbox.id, lease);
  const read = await again.exec({ argv: ["cat", "/home/agent/note", "/workspace/note"], timeoutMs: 10_000 });
  expect(read.stdoutTail).toBe("kept\nkept\n");
});

test("machines are found by their metadata, and only whole ones", async () => {
  const dataDir = await temporaryFolder();
  const provider = localProvider(dataDir);
  const first = await provider.create({ ...spec, metadata: { app: "a", session: "1", fence: "1" } });
  const second = await provider.create({ ...spec, metadata: { app: "a", session: "2", fence: "7" } });
  await mkdir(join(dataDir, "sandboxes", "0123456789abcdef"), { recursive: true });
  await second.pause();
  const all = await provider.list({ app: "a" });
  expect(all.map(({ id }) => id).sort()).toEqual([first.id, second.id].sort());
  expect(await provider.list({ session: "2" })).toMatchObject([
    { id: second.id, state: "paused", metadata: { app: "a", session: "2", fence: "7" } },
  ]);
  expect(await provider.list({ app: "b" })).toEqual([]);
  await provider.connect(second.id, lease);
  expect(await provider.list({ session: "2" })).toMatchObject([{ state: "running" }]);
});

test.each(["0123456789abcdef", "../../etc", "", ".shared", "a/b"])("there is no machine %j", async (id) => {
  const provider = localProvider(await temporaryFolder());
  await expect(provider.connect(id, lease)).rejects.toMatchObject({ name: "SandboxError", fault: "gone" });
  expect(await provider.killById(id)).toBe(false);
});

test("killing a machine ends what runs in it and removes its files, whatever their rights", async (context) => {
  await needBwrap(context);
  const { dataDir, provider, sandbox, sh } = await localMachine();
  await sh(
    "mkdir -p /workspace/cache/deep && touch /workspace/cache/deep/file && chmod 500 /workspace/cache/deep",
  );
  let ready = false;
  const running = sh("echo ready; sleep 600", { timeoutMs: 60_000, onStdout: () => (ready = true) });
  await untilTrue(() => ready);
  // Another worker does it: the records on disk are all it has.
  expect(await localProvider(dataDir).killById(sandbox.id)).toBe(true);
  expect(await running).toMatchObject({ timedOut: false, aborted: false });
  expect(await readdir(join(dataDir, "sandboxes"))).not.toContain(sandbox.id);
  expect(await provider.killById(sandbox.id)).toBe(false);
  await expect(sh("true")).rejects.toMatchObject({ fault: "gone" });
  await expect(sandbox.readFile("/workspace/x", { maxBytes: 1 })).rejects.toMatchObject({ fault: "gone" });
});

test("a removal that a crash cut off is finished by the next probe", async (context) => {
  await needBwrap(context);
  const dataDir = await temporaryFolder();
  await mkdir(join(dataDir, "sandboxes", ".trash-0123456789abcdef", "home"), { recursive: true });
  await writeFile(join(dataDir, "sandboxes", ".trash-0123456789abcdef", "home", "x"), "x");
  await localProvider(dataDir).probe();
  expect(await readdir(join(dataDir, "sandboxes"))).toEqual([".shared"]);
});
