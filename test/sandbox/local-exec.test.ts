import { readFile, readdir } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { findCgroupHome } from "../../src/sandbox/cgroup.ts";
import type { SandboxEnvironment } from "../../src/sandbox/sandbox.ts";
import { localMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { untilTrue } from "../support/until-true.ts";

const kinds = ["bwrap", "none"] as const;

describe.each(kinds)("a command with isolation %s", (isolation) => {
  beforeEach((context) => (isolation === "bwrap" ? needBwrap(context) : undefined));

  test.each([
    [["true"], 0],
    [["false"], 1],
    [["sh", "-c", "exit 42"], 42],
    [["no-such-command"], 127],
  ] as const)("%j exits with %i as a value", async (argv, exitCode) => {
    const { sandbox } = await localMachine({ isolation });
    const result = await sandbox.exec({ argv, timeoutMs: 10_000 });
    expect(result).toMatchObject({ exitCode, signal: null, timedOut: false, aborted: false });
  });

  test("arguments, environment and stdin arrive byte for byte", async () => {
    const { sandbox } = await localMachine({ isolation });
    const text = `' " \\ $HOME \`id\` $(id) ! * ; & | \n\t ü 𝄞 \u202e --setenv X y`;
    await sandbox.writeFile(`${sandbox.paths.tmp}/in`, text);
    const result = await sandbox.exec({
      argv: ["sh", "-c", 'printf "%s\\0%s\\0" "$1" "$TEXT"; cat', "sh", text],
      env: { TEXT: text },
      stdinPath: `${sandbox.paths.tmp}/in`,
      timeoutMs: 10_000,
    });
    expect(result.stdoutTail).toBe(`${text}\0${text}\0${text}`);
  });

  test("the environment is ours alone", async () => {
    const { sandbox } = await localMachine({ isolation });
    const { stdoutTail } = await sandbox.exec({ argv: ["env", "-0"], env: { MARK: "1" }, timeoutMs: 10_000 });
    const names = stdoutTail.split("\0").flatMap((entry) => entry.split("=")[0] || []);
    expect(
      names.filter((name) => !["PWD", "TMPDIR", "GIT_CEILING_DIRECTORIES"].includes(name)).sort(),
    ).toEqual(["HOME", "LANG", "MARK", "PATH", "USER"].sort());
  });

  test("without stdin a command reads nothing", async () => {
    const { sandbox } = await localMachine({ isolation });
    expect(await sandbox.exec({ argv: ["cat"], timeoutMs: 10_000 })).toMatchObject({
      exitCode: 0,
      stdoutTail: "",
    });
  });

  test("claude and node are on the PATH", async () => {
    const { sandbox } = await localMachine({ isolation });
    const claude = await sandbox.exec({ argv: ["claude", "--version"], timeoutMs: 20_000 });
    expect(claude.stdoutTail).toMatch(/^\d+\.\d+\.\d+ \(Claude Code\)/);
    const node = await sandbox.exec({ argv: ["node", "--version"], timeoutMs: 20_000 });
    expect(node.stdoutTail).toBe(`${process.version}\n`);
  });

  test("output streams while the command runs, and its tail is kept", async () => {
    const { sh } = await localMachine({ isolation });
    const chunks: string[] = [];
    let total = 0;
    const result = await sh("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo last; echo bad >&2", {
      onStdout: (chunk) => {
        if (total === 0) chunks.push(Buffer.from(chunk).toString("utf8").slice(0, 6));
        total += chunk.length;
      },
    });
    expect(chunks[0]).toBe("first\n");
    expect(total).toBe(3_000_000 + 11);
    expect(Buffer.byteLength(result.stdoutTail)).toBe(64 * 1024);
    expect(result.stdoutTail.endsWith("xlast\n")).toBe(true);
    expect(result.stderrTail).toBe("bad\n");
  });

  test("a listener that throws ends the command and is told", async () => {
    const { sh } = await localMachine({ isolation });
    const onStdout = () => {
      throw new Error("no more");
    };
    await expect(sh("echo a; sleep 600", { onStdout })).rejects.toThrow("no more");
  });

  test("at the deadline SIGINT comes first and the command can end in good order", async () => {
    const { sh } = await localMachine({ isolation });
    const result = await sh('trap "echo interrupted; exit 5" INT; sleep 600 & wait', { timeoutMs: 300 });
    expect(result).toMatchObject({
      exitCode: 5,
      timedOut: true,
      aborted: false,
      stdoutTail: "interrupted\n",
    });
  });

  test("a command that ignores every signal is killed with all its children", async () => {
    const patience = { interruptMs: 100, terminateMs: 100 };
    const { sh } = await localMachine({ isolation, patience: { timeout: patience, abort: patience } });
    const seconds = 100_000 + Math.floor(Math.random() * 100_000);
    const script = `trap "" INT TERM; setsid sh -c 'trap "" INT TERM HUP; sleep ${seconds}' & while :; do sleep 1; done`;
    const result = await sh(script, { timeoutMs: 300 });
    expect(result).toMatchObject({ exitCode: null, signal: "SIGKILL", timedOut: true });
    const strays = (await commandLines()).filter((line) => line.includes(String(seconds)));
    if (isolation === "bwrap" || (await findCgroupHome()) !== null) expect(strays).toEqual([]);
  });

  test("what a finished command left in the background is gone with it", async () => {
    const { sh } = await localMachine({ isolation });
    const seconds = 200_000 + Math.floor(Math.random() * 100_000);
    expect(await sh(`sleep ${seconds} & exit 0`)).toMatchObject({ exitCode: 0 });
    expect((await commandLines()).filter((line) => line.includes(String(seconds)))).toEqual([]);
  });

  test("an abort interrupts, and one that came before starts nothing", async () => {
    const { sh } = await localMachine({ isolation });
    const stop = new AbortController();
    const running = sh('trap "echo interrupted; exit 0" INT; echo ready; sleep 600 & wait', {
      signal: stop.signal,
      onStdout: () => stop.abort(),
    });
    expect(await running).toMatchObject({ exitCode: 0, aborted: true, stdoutTail: "ready\ninterrupted\n" });
    expect(await sh("echo ran", { signal: AbortSignal.abort() })).toMatchObject({
      exitCode: null,
      aborted: true,
      stdoutTail: "",
    });
  });

  test("several commands run at once", async () => {
    const { sh } = await localMachine({ isolation });
    const results = await Promise.all([1, 2, 3, 4].map((n) => sh(`sleep 0.2; echo ${n}`)));
    expect(results.map(({ stdoutTail }) => stdoutTail.trim())).toEqual(["1", "2", "3", "4"]);
  });

  test.each<[string, SandboxEnvironment]>([
    ["a NUL in a value", { X: "1\0--bind\0/\0/host" }],
    ["a name that is none", { "X=1": "1" }],
  ])("%s is refused", async (_, env) => {
    const { sandbox } = await localMachine({ isolation });
    await expect(sandbox.exec({ argv: ["true"], env, timeoutMs: 1_000 })).rejects.toThrow(TypeError);
  });

  test("memory and processes are limited, or the boot warns that they are not", async () => {
    const limits = { memoryBytes: 96 * 2 ** 20, processes: 40 };
    const warnings: string[] = [];
    const log = { warn: (line: string) => warnings.push(line) } as never;
    const { provider, sh } = await localMachine({ isolation, limits, log });
    await provider.probe();
    const limited = (await findCgroupHome()) !== null;
    expect(warnings.some((line) => line.includes("no cgroup is writable"))).toBe(!limited);
    if (!limited) return;
    const hungry = await sh("exec node -e 'const a=[]; for(;;) a.push(Buffer.alloc(1e7,1))'");
    expect(hungry.exitCode === 137 || hungry.signal === "SIGKILL").toBe(true);
    const forks = await sh("i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; echo all");
    expect(forks.stdoutTail).not.toContain("all");
    expect(forks.stderrTail).toMatch(/fork/i);
  });

  test("open files, file size and core dumps are limited", async () => {
    const { sh } = await localMachine({ isolation, limits: { openFiles: 321, fileBytes: 1_000_000 } });
    const { stdoutTail } = await sh("ulimit -n; ulimit -c; head -c 2000000 /dev/zero >big; wc -c <big");
    expect(stdoutTail.trim().split("\n")).toEqual(["321", "0", "1000000"]);
  });
});

test("no process of the host shows the environment of an isolated command", async (context) => {
  await needBwrap(context);
  const { sh } = await localMachine();
  const canary = `canary-${Math.random().toString(36).slice(2)}`;
  let ready = false;
  const stop = new AbortController();
  const running = sh("echo ready; sleep 600", {
    env: { SECRET: canary },
    signal: stop.signal,
    onStdout: () => (ready = true),
  });
  await untilTrue(() => ready);
  expect((await commandLines()).filter((line) => line.includes(canary))).toEqual([]);
  stop.abort();
  await running;
});

async function commandLines(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
}
