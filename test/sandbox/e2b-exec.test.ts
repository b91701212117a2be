import { beforeEach, describe, expect, test } from "vitest";
import { needBwrap } from "../support/need-bwrap.ts";
import { untilTrue } from "../support/until-true.ts";
import { e2bMachine as machineAt, lease } from "./e2b-fixture.ts";

const patience = { interruptMs: 300, terminateMs: 300 };
const quick = { patience: { timeout: patience, abort: patience }, pollMs: 1_000, killGraceMs: 5_000 };

describe.each(["plain", "bwrap"] as const)("a command of an E2B machine (%s)", (launcher) => {
  beforeEach((context) => (launcher === "bwrap" ? needBwrap(context) : undefined));
  const e2bMachine = () => machineAt({ standin: { launcher }, provider: { timings: quick } });

  test.each([
    [["true"], 0],
    [["false"], 1],
    [["sh", "-c", "exit 42"], 42],
    [["sh", "-c", "exit 122"], 122],
    [["sh", "-c", "exit 124"], 124],
    [["sh", "-c", "exit 137"], 137],
    [["sh", "-c", "kill -TERM $$"], 143],
    [["sh", "-c", "kill -KILL $$"], 137],
    [["no-such-command"], 127],
  ] as const)("%j exits with %i as a value", async (argv, exitCode) => {
    const { sandbox } = await e2bMachine();
    const result = await sandbox.exec({ argv, timeoutMs: 10_000 });
    expect(result).toMatchObject({ exitCode, signal: null, timedOut: false, aborted: false });
  });

  test("arguments, environment and stdin arrive byte for byte", async () => {
    const { sandbox } = await e2bMachine();
    const text = `' " \\ $HOME \`id\` $(id) ! * ; & | \n\t ü 𝄞 \u202e --setenv X y\n`;
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
    const { sandbox } = await e2bMachine();
    const { stdoutTail } = await sandbox.exec({ argv: ["env", "-0"], env: { MARK: "1" }, timeoutMs: 10_000 });
    const names = stdoutTail.split("\0").flatMap((entry) => entry.split("=")[0] || []);
    const own = ["E2B_SANDBOX_ID", "REMOTE_CLAUDE_RUN"];
    expect(names.sort()).toEqual([...own, "HOME", "LANG", "MARK", "PATH", "USER"].sort());
  });

  test("without stdin a command reads nothing", async () => {
    const { sandbox } = await e2bMachine();
    const result = await sandbox.exec({ argv: ["cat"], timeoutMs: 10_000 });
    expect(result).toMatchObject({ exitCode: 0, stdoutTail: "" });
  });

  test("claude and node are on the PATH", async () => {
    const { sandbox } = await e2bMachine();
    const claude = await sandbox.exec({ argv: ["claude", "--version"], timeoutMs: 20_000 });
    expect(claude.stdoutTail).toMatch(/^\d+\.\d+\.\d+ \(Claude Code\)/);
    const node = await sandbox.exec({ argv: ["node", "--version"], timeoutMs: 20_000 });
    expect(node.stdoutTail).toMatch(/^v\d+/);
  });

  test("output streams while the command runs, and its tail is kept", async () => {
    const { sh } = await e2bMachine();
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
    const { sh } = await e2bMachine();
    const onStdout = () => {
      throw new Error("no more");
    };
    await expect(sh("echo a; sleep 600", { onStdout })).rejects.toThrow("no more");
  });

  test("at the deadline SIGINT comes first and the command can end in good order", async () => {
    const { sh } = await e2bMachine();
    const script = 'trap "echo interrupted; exit 5" INT; sleep 600 & wait';
    expect(await sh(script, { timeoutMs: 500 })).toMatchObject({
      ...{ exitCode: 5, timedOut: true, aborted: false, stdoutTail: "interrupted\n" },
    });
  });

  test("a command that ignores every signal is killed with all its children", async () => {
    const { e2b, sandbox, sh } = await e2bMachine();
    const script = `trap "" INT TERM; setsid sh -c 'trap "" INT TERM HUP; sleep 600' & echo ready; while :; do sleep 1; done`;
    const result = await sh(script, { timeoutMs: 500 });
    expect(result).toMatchObject({
      exitCode: null,
      signal: "SIGKILL",
      timedOut: true,
      stdoutTail: "ready\n",
    });
    expect(e2b.processes(sandbox.id)).toEqual([]);
  });

  test("what a finished command left in the background is gone with it", async () => {
    const { e2b, sandbox, sh } = await e2bMachine();
    expect(await sh(`setsid sleep 600 & sleep 600 & exit 0`)).toMatchObject({ exitCode: 0 });
    expect(e2b.processes(sandbox.id)).toEqual([]);
  });

  test("an abort interrupts, and one that came before starts nothing", async () => {
    const { sh, e2b } = await e2bMachine();
    const stop = new AbortController();
    const running = sh('trap "echo interrupted; exit 0" INT; echo ready; sleep 600 & wait', {
      signal: stop.signal,
      onStdout: () => stop.abort(),
    });
    expect(await running).toMatchObject({ exitCode: 0, aborted: true, stdoutTail: "ready\ninterrupted\n" });
    const calls = e2b.calls.length;
    expect(await sh("echo ran", { signal: AbortSignal.abort() })).toMatchObject({
      ...{ exitCode: null, aborted: true, stdoutTail: "" },
    });
    expect(e2b.calls.length).toBe(calls);
  });

  test("several commands run at once", async () => {
    const { sh } = await e2bMachine();
    const results = await Promise.all([1, 2, 3, 4].map((n) => sh(`sleep 0.2; echo ${n}`)));
    expect(results.map(({ stdoutTail }) => stdoutTail.trim())).toEqual(["1", "2", "3", "4"]);
  });
});

test.each<[string, { env?: Record<string, string>; argv?: [string]; gatewaySocket?: string }]>([
  ["a NUL in a value", { env: { X: "1\0" } }],
  ["a name that is none", { env: { "X=1": "1" } }],
  ["a program that is an assignment", { argv: ["X=1"] }],
  ["a socket of this host", { gatewaySocket: "/run/gateway.sock" }],
])("%s is refused", async (_, input) => {
  const { sandbox } = await machineAt();
  await expect(sandbox.exec({ argv: ["true"], timeoutMs: 1_000, ...input })).rejects.toThrow(TypeError);
});

test.each([
  ["a folder to work in", { cwd: "/workspace/none" }],
  ["a file for stdin", { stdinPath: "/workspace/none" }],
  ["a file for stdin that is no link", { stdinPath: "/workspace/link" }],
])("%s is expected to be there", async (_, input) => {
  const { sh } = await machineAt();
  await sh("ln -s /etc/hostname /workspace/link");
  await expect(sh("true", input)).rejects.toMatchObject({ name: "SandboxError", fault: "refused" });
});

test("what the agent wrote into its home takes no part in a command, nor does a noisy profile", async () => {
  const { sh } = await machineAt();
  for (const name of [".bash_profile", ".profile", ".bashrc"])
    await sh(`echo 'echo noise; echo noise >&2; exit 9' > $HOME/${name}`);
  expect(await sh("echo quiet")).toMatchObject({ exitCode: 0, stdoutTail: "quiet\n", stderrTail: "" });
});

test("a command line longer than one argument may be is run as well", async () => {
  const { sandbox } = await machineAt();
  const argv = [
    "printf",
    "%s\n",
    ...Array.from({ length: 5_000 }, (_, n) => `argument '${n}' of many more`),
  ] as const;
  const result = await sandbox.exec({ argv: argv, timeoutMs: 20_000 });
  expect(result.stdoutTail.endsWith("argument '4999' of many more\n")).toBe(true);
});

test("a killed machine and a paused one are told from a command that ended", async () => {
  const { e2b, provider, sandbox, sh } = await machineAt();
  const start = async () => {
    let ready = false;
    const running = sh("echo ready; sleep 600", { timeoutMs: 60_000, onStdout: () => (ready = true) });
    running.catch(() => undefined);
    await untilTrue(() => ready);
    return { running };
  };
  const first = await start();
  await provider.pauseById(sandbox.id);
  await expect(first.running).rejects.toMatchObject({ name: "SandboxError", fault: "transient" });
  const again = await provider.connect(sandbox.id, lease);
  const second = await again.exec({ argv: ["true"], timeoutMs: 10_000 });
  expect(second).toMatchObject({ exitCode: 0 });
  const third = await start();
  await e2b.loseMachine(sandbox.id);
  await expect(third.running).rejects.toMatchObject({ name: "SandboxError", fault: "gone" });
});
