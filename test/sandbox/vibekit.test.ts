import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ExecInput, Sandbox, SandboxProvider } from "../../src/sandbox/sandbox.ts";
import { SandboxError } from "../../src/sandbox/sandbox.ts";
import { withVibeKit } from "../../src/sandbox/vibekit.ts";
import { localMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";

const metadata = { app: "a", session: "s", fence: "1" };
const lease = { timeoutMs: 60_000, egress: [] };
const spec = { ...lease, metadata };

/** A provider that records what reaches it. */
function recorder(options: { createFault?: Error; connectFault?: Error; exitCode?: number } = {}) {
  const calls: string[] = [];
  const execs: ExecInput[] = [];
  const machine = (id: string): Sandbox => ({
    provider: "recorded",
    id,
    paths: { home: "/h", workspace: "/w", repo: "/w/repo", tmp: "/w/tmp" },
    gateway: "socket",
    exec(input) {
      execs.push(input);
      const exitCode = options.exitCode ?? 0;
      const tails = { stdoutTail: "", stderrTail: "it failed" };
      return Promise.resolve({ exitCode, signal: null, timedOut: false, aborted: false, ...tails });
    },
    writeFile: (path) => Promise.resolve(void calls.push(`write ${path}`)),
    readFile: () => Promise.resolve(null),
    putDirectory: () => Promise.resolve(),
    remove: () => Promise.resolve(),
    extend: () => Promise.resolve(),
    pause: () => Promise.resolve(void calls.push(`pause ${id}`)),
    kill: () => Promise.resolve(void calls.push(`kill ${id}`)),
  });
  const provider: SandboxProvider = {
    name: "recorded",
    probe: () => Promise.resolve({ kind: "vm", detail: "none" }),
    create(given) {
      calls.push(`create ${JSON.stringify(given)}`);
      return options.createFault === undefined
        ? Promise.resolve(machine("m1"))
        : Promise.reject(options.createFault);
    },
    connect(id) {
      calls.push(`connect ${id}`);
      return options.connectFault === undefined
        ? Promise.resolve(machine(id))
        : Promise.reject(options.connectFault);
    },
    list: () => Promise.resolve([]),
    pauseById: (id) => Promise.resolve(calls.push(`pause ${id} by id`) > 0),
    killById: (id) => Promise.resolve(calls.push(`killById ${id}`) > 0),
  };
  return { calls, execs, provider: withVibeKit(provider) };
}

describe("the SDK drives a machine's life", () => {
  const said: unknown[] = [];

  beforeEach(() => {
    said.length = 0;
    vi.stubEnv("CLAUDE_CODE_OAUTH_TOKEN", "oauth-canary");
    vi.stubEnv("ANTHROPIC_API_KEY", "key-canary");
    for (const method of ["log", "warn", "error", "info", "debug"] as const) {
      vi.spyOn(console, method).mockImplementation((...args) => void said.push(args));
    }
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    expect(said).toEqual([]);
  });

  test("one machine is made, with one command and without any environment", async () => {
    const { calls, execs, provider } = recorder();
    const sandbox = await provider.create(spec);
    expect(sandbox).toMatchObject({ id: "m1", provider: "recorded", paths: { repo: "/w/repo" } });
    expect(calls).toEqual([`create ${JSON.stringify(spec)}`]);
    expect(execs).toEqual([{ argv: ["true"], cwd: "/w", timeoutMs: 60_000 }]);
    expect(JSON.stringify([calls, execs])).not.toContain("canary");
  });

  test("a machine is connected to by its id, paused and killed", async () => {
    const { calls, provider } = recorder();
    const sandbox = await provider.connect("m7", lease);
    await sandbox.pause();
    await sandbox.kill();
    await sandbox.kill();
    expect(calls).toEqual(["connect m7", "pause m7", "kill m7"]);
    expect(await provider.killById("m8")).toBe(true);
    expect(calls.at(-1)).toBe("killById m8");
  });

  test("three machines at once are three machines", async () => {
    const { calls, provider } = recorder();
    await Promise.all([provider.create(spec), provider.create(spec), provider.connect("m2", lease)]);
    expect(calls.map((call) => call.split(" ")[0])).toEqual(["create", "create", "connect"]);
  });

  test("a fault keeps its class and its words, on create and on connect", async () => {
    const [busy, gone] = [new SandboxError("busy", "full"), new SandboxError("gone", "no such machine")];
    const { provider } = recorder({ createFault: busy, connectFault: gone });
    await expect(provider.create(spec)).rejects.toBe(busy);
    await expect(provider.connect("m1", lease)).rejects.toBe(gone);
  });

  test("a machine whose first command fails is not left behind, one that was there stays", async () => {
    const made = recorder({ exitCode: 1 });
    await expect(made.provider.create(spec)).rejects.toThrow("it failed");
    expect(made.calls).toEqual([`create ${JSON.stringify(spec)}`, "kill m1"]);
    const found = recorder({ exitCode: 1 });
    await expect(found.provider.connect("m1", lease)).rejects.toThrow("it failed");
    expect(found.calls).toEqual(["connect m1"]);
  });

  test("prompts, files and commands go past the SDK byte for byte", async () => {
    const { calls, execs, provider } = recorder();
    const sandbox = await provider.create(spec);
    await sandbox.writeFile("/w/prompt", "it's $HOME!\n");
    const argv = ["claude", "it's\t`x`!\n"] as const;
    await sandbox.exec({ argv, timeoutMs: 1 });
    expect(calls).toContain("write /w/prompt");
    expect(execs.at(-1)).toEqual({ argv, timeoutMs: 1 });
  });
});

test("a real local machine behind the SDK: made, used, left, found again", async (context) => {
  await needBwrap(context);
  const { provider: local } = await localMachine();
  const provider = withVibeKit(local);
  const sandbox = await provider.create(spec);
  await sandbox.exec({ argv: ["sh", "-c", "echo kept > note"], timeoutMs: 10_000 });
  await sandbox.pause();
  expect(await provider.list({ session: "s" })).toMatchObject([{ id: sandbox.id, state: "paused" }]);
  const again = await provider.connect(sandbox.id, lease);
  const read = await again.exec({ argv: ["cat", "note"], timeoutMs: 10_000 });
  expect(read).toMatchObject({ exitCode: 0, stdoutTail: "kept\n" });
  expect(await again.exec({ argv: ["false"], timeoutMs: 10_000 })).toMatchObject({ exitCode: 1 });
  await again.kill();
  await expect(provider.connect(sandbox.id, lease)).rejects.toMatchObject({ fault: "gone" });
});

test("the SDK is loaded with the first machine, not with the module", () => {
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { if (url.includes("@vibe-kit")) console.log("loaded"); return next(url, context); } });
    await import(${JSON.stringify(new URL("../../src/sandbox/vibekit.ts", import.meta.url).href)});`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
});
