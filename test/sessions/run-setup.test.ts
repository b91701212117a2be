import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { createRedactor } from "../../src/github/redact.ts";
import { SandboxError } from "../../src/sandbox/sandbox.ts";
import type { CommandProgress } from "../../src/sessions/run-commands.ts";
import { runSetup, setupKey } from "../../src/sessions/run-setup.ts";
import { localMachine, type TestMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { untilTrue } from "../support/until-true.ts";

const secret = "correct-horse-battery";
const deps = { redact: createRedactor([secret]) };

/** A machine with an empty checkout, and the setup as a task would run it there. */
async function setUp(options: Parameters<typeof localMachine>[0] = {}) {
  const machine = await localMachine(options);
  await machine.sandbox.exec({ argv: ["mkdir", machine.sandbox.paths.repo], timeoutMs: 20_000 });
  const progress: CommandProgress[] = [];
  const stop = new AbortController();
  const run = (setup: readonly string[], setupTimeoutMs = 60_000) =>
    runSetup(deps, {
      sandbox: machine.sandbox,
      settings: { setup, setupTimeoutMs },
      signal: stop.signal,
      onProgress: (step) => progress.push(step),
    });
  return { ...machine, progress, stop, run };
}

const read = async ({ sandbox }: TestMachine, name: string) => {
  const bytes = await sandbox.readFile(`${sandbox.paths.repo}/${name}`, { maxBytes: 10_000 });
  return bytes === null ? null : Buffer.from(bytes).toString("utf8");
};

describe.each(["bwrap", "none"] as const)("with isolation %s", (isolation) => {
  beforeEach((context) => (isolation === "bwrap" ? needBwrap(context) : undefined));

  test(
    "commands run in order, in the checkout, each in a shell of its own",
    { timeout: 60_000 },
    async () => {
      const machine = await setUp({ isolation });
      const result = await machine.run([
        "mkdir deps && cd deps && export X=1",
        'pwd > where; echo "${X:-none}" > x; [[ -d deps ]]',
      ]);
      expect(result).toEqual({ ok: true, durationMs: expect.any(Number) as number });
      expect(await read(machine, "where")).toBe(`${machine.sandbox.paths.repo}\n`);
      expect(await read(machine, "x")).toBe("none\n");
      expect(machine.progress.map(({ number, of }) => `${number}/${of}`)).toEqual(["1/2", "2/2"]);
    },
  );

  test("the first that fails ends it, with the end of what it said", { timeout: 60_000 }, async () => {
    const machine = await setUp({ isolation });
    const failing = `for i in {1..100}; do echo "line $i"; done; echo -e "\\e[31mkey ${secret}\\e[0m" >&2; exit 7`;
    const result = await machine.run(["true", failing, "touch after"]);
    expect(result).toMatchObject({ ok: false, exitCode: 7, signal: null, timedOut: false, aborted: false });
    if (result.ok) return;
    const lines = result.tail.split("\n");
    expect(lines).toHaveLength(40);
    expect(lines).toContain("line 100");
    expect(lines).toContain("key [redacted]");
    expect(JSON.stringify(result)).not.toContain(secret);
    expect(await read(machine, "after")).toBeNull();
    expect(JSON.stringify(machine.progress)).not.toContain(secret);
  });

  test("a script stops at its first line that fails", { timeout: 60_000 }, async () => {
    const machine = await setUp({ isolation });
    const result = await machine.run(["false\ntouch after\n"]);
    expect(result).toMatchObject({ ok: false, exitCode: 1 });
    expect(await read(machine, "after")).toBeNull();
  });

  test("the limit is for all of them together, and ends what runs", { timeout: 60_000 }, async () => {
    const machine = await setUp({ isolation });
    const result = await machine.run(["sleep 0.2", "echo waiting; sleep 300 & wait", "touch after"], 1_500);
    expect(result).toMatchObject({
      ok: false,
      timedOut: true,
      aborted: false,
      exitCode: null,
      tail: "waiting",
    });
    expect(result.durationMs).toBeGreaterThanOrEqual(1_400);
    expect(await read(machine, "after")).toBeNull();
  });

  test("a stopped task stops it at once, and does not blame the command", { timeout: 60_000 }, async () => {
    const machine = await setUp({ isolation });
    const running = machine.run(["echo begun > begun; sleep 300", "touch after"]);
    await untilTrue(async () => (await read(machine, "begun")) === "begun\n", 30_000);
    machine.stop.abort();
    expect(await running).toMatchObject({ ok: false, aborted: true, timedOut: false });
    expect(await machine.run(["touch after"])).toMatchObject({ ok: false, aborted: true });
    expect(await read(machine, "after")).toBeNull();
  });
});

test("nothing to do is done", async () => {
  const machine = await setUp({ isolation: "none" });
  expect(await machine.run([])).toMatchObject({ ok: true });
  expect(machine.progress).toEqual([]);
});

test("two hundred megabytes of output pass by", { timeout: 60_000 }, async (context) => {
  await needBwrap(context);
  const { run } = await setUp();
  const before = process.memoryUsage();
  let peak = before.rss;
  const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 10);
  const result = await run(["head -c 200000000 /dev/zero | tr '\\0' x; yes | head -n 1000; exit 1"]);
  clearInterval(watching);
  expect(result).toMatchObject({ ok: false, tail: expect.stringMatching(/^y\n(y\n)+y$/) as string });
  // What the pipe has brought is collected now and then; kept, it would be two hundred.
  expect((peak - before.rss) / 2 ** 20).toBeLessThan(160);
});

test("a command gets a plain environment, no input and no way out", { timeout: 60_000 }, async (context) => {
  await needBwrap(context);
  const machine = await setUp();
  const result = await machine.run([
    "env -0 | sort -z | cut -z -d= -f1 | tr '\\0' '\\n' > names",
    "cat > input",
    "! (exec 3<>/dev/tcp/192.0.2.1/80)",
  ]);
  expect(result).toMatchObject({ ok: true });
  const shells = ["PWD", "SHLVL", "_", "OLDPWD"];
  const names = (await read(machine, "names"))?.trim().split("\n");
  expect(names?.filter((name) => !shells.includes(name))).toEqual(["HOME", "LANG", "PATH", "USER"]);
  expect(await read(machine, "input")).toBe("");
});

test("with a gateway the allowed hosts are reached by its proxy", { timeout: 60_000 }, async () => {
  const { sandbox, dataDir } = await setUp({ isolation: "none" });
  const result = await runSetup(deps, {
    sandbox,
    settings: { setup: ["env > environment"], setupTimeoutMs: 30_000 },
    gateway: { socketPath: join(dataDir, "g.sock"), turnToken: "rct_token" },
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  expect(result).toMatchObject({ ok: true });
  const environment = await readFile(join(sandbox.paths.repo, "environment"), "utf8");
  expect(environment).toMatch(/^HTTPS_PROXY=http:\/\/turn:rct_token@127\.0\.0\.1:\d+$/m);
  expect(environment).toMatch(/^https_proxy=http:\/\/turn:rct_token@127\.0\.0\.1:\d+$/m);
  expect(environment).not.toContain("ANTHROPIC");
});

test("a machine that is gone is not the command's fault", async () => {
  const { run, provider, sandbox } = await setUp({ isolation: "none" });
  await provider.killById(sandbox.id);
  await expect(run(["true"])).rejects.toThrow(SandboxError);
});

test("the key changes with the commands, their order and their borders, not with the limit", () => {
  const key = (...setup: string[]) => setupKey({ setup });
  expect(key("a", "b")).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set([key("a", "b"), key("b", "a"), key("a\nb"), key("ab"), key("a b"), key()]).size).toBe(6);
  expect(key("a")).toBe(key("a"));
});
