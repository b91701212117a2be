import { readFile, readdir } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { untilTrue } from "../support/until-true.ts";
import { daytonaMachine, daytonaProvider, lease } from "../standins/daytona/stage.ts";

vi.setConfig({ testTimeout: 60_000 });

const quick = { interruptMs: 150, terminateMs: 150 };
const quickStop = { tempo: { patience: { timeout: quick, abort: quick } } };
const executes = /process\/execute/;

test("an exit is a value, whatever it is", async (context) => {
  const { sandbox } = await daytonaMachine(context);
  const table = [
    [["true"], 0],
    [["false"], 1],
    [["sh", "-c", "exit 42"], 42],
    [["no-such-command"], 127],
    [["/workspace"], 126],
  ] as const;
  for (const [argv, exitCode] of table) {
    const result = await sandbox.exec({ argv, timeoutMs: 20_000 });
    expect(result, argv.join(" ")).toMatchObject({ exitCode, signal: null, timedOut: false, aborted: false });
  }
  expect(await sandbox.exec({ argv: ["sh", "-c", "kill -9 $$"], timeoutMs: 20_000 })).toMatchObject({
    exitCode: null,
    signal: "SIGKILL",
  });
});

test("arguments, environment, stdin and output arrive byte for byte", async (context) => {
  const { sandbox } = await daytonaMachine(context);
  const text = `' " \\ $HOME \`id\` $(id) ! * ; & | \n\t ü 𝄞 \u202e --setenv X y REMOTE_CLAUDE_END\n`;
  await sandbox.writeFile(`${sandbox.paths.tmp}/in`, text);
  const result = await sandbox.exec({
    argv: ["sh", "-c", 'printf "%s\\0%s\\0" "$1" "$TEXT"; cat', "sh", text],
    env: { TEXT: text },
    stdinPath: `${sandbox.paths.tmp}/in`,
    timeoutMs: 20_000,
  });
  expect(result.stdoutTail).toBe(`${text}\0${text}\0${text}`);
  // The marks by which Daytona's own log stream tells stdout from stderr, and bytes that are no text.
  const chunks: Uint8Array[] = [];
  const odd = "printf '\\001\\001\\001\\002\\002\\002\\377\\376\\000x'";
  await sandbox.exec({ argv: ["sh", "-c", odd], timeoutMs: 20_000, onStdout: (chunk) => chunks.push(chunk) });
  expect(Buffer.concat(chunks).toString("hex")).toBe("010101020202fffe0078");
});

test("the environment is ours alone, and a long one is no problem", async (context) => {
  const { sandbox } = await daytonaMachine(context);
  const long = "x".repeat(100_000);
  const { stdoutTail } = await sandbox.exec({
    argv: ["sh", "-c", 'env -0 | cut -z -d= -f1; echo "${#LONG}"'],
    env: { MARK: "1", LONG: long },
    timeoutMs: 20_000,
  });
  const names = stdoutTail.trim().split("\0");
  expect(names.pop()).toBe("100000");
  expect(names.sort()).toEqual(["HOME", "LANG", "LONG", "MARK", "PATH", "PWD", "REMOTE_CLAUDE_RUN", "USER"]);
});

test("output streams while the command runs, exactly once and in order, and its tail is kept", async (context) => {
  const { sh } = await daytonaMachine(context);
  const chunks: Uint8Array[] = [];
  let early = false;
  const script = "echo first; sleep 0.6; seq 1 200000; echo last; echo bad >&2";
  const running = sh(script, { onStdout: (chunk) => chunks.push(chunk) });
  void running.then(() => (early = chunks.length < 2));
  const result = await running;
  const expected = `first\n${Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join("")}last\n`;
  expect(Buffer.concat(chunks).toString("utf8") === expected).toBe(true);
  expect(early).toBe(false);
  expect(Buffer.from(chunks[0] ?? []).toString("utf8")).toBe("first\n");
  expect(result.stdoutTail).toBe(expected.slice(-64 * 1024));
  expect(result.stderrTail).toBe("bad\n");
});

test("no byte is lost or doubled when requests and answers are lost on the way", async (context) => {
  const { daytona, sh } = await daytonaMachine(context);
  const chunks: Uint8Array[] = [];
  daytona.fault({ path: executes, when: "after", do: "reset", times: 2 });
  const running = sh("echo started >>$HOME/starts; for i in $(seq 1 40); do echo $i; sleep 0.05; done", {
    onStdout: (chunk) => {
      chunks.push(chunk);
      // Each batch is followed by a lost answer, a refused request and a broken line.
      daytona.fault({ path: executes, when: "after", do: "reset" });
      daytona.fault({ path: executes, when: "before", do: { status: 503 } });
      daytona.fault({ path: executes, when: "before", do: "reset" });
    },
  });
  expect(await running).toMatchObject({ exitCode: 0 });
  const lines = Array.from({ length: 40 }, (_, index) => `${index + 1}\n`);
  expect(Buffer.concat(chunks).toString("utf8")).toBe(lines.join(""));
  expect((await sh("cat $HOME/starts")).stdoutTail).toBe("started\n");
});

test("a stand-in that restarts in the middle takes the machine's commands with it, and that is told", async (context) => {
  const { daytona, sh } = await daytonaMachine(context);
  let ready = false;
  const running = sh("echo ready; sleep 600", { onStdout: () => (ready = true) });
  const outcome = running.catch((error: unknown) => error);
  await untilTrue(() => ready, 30_000);
  await daytona.restart();
  expect(await outcome).toMatchObject({ name: "SandboxError", fault: "transient" });
  expect((await sh("echo works")).stdoutTail).toBe("works\n");
});

test("a listener that throws ends the command and is told", async (context) => {
  const { daytona, sandbox, sh } = await daytonaMachine(context);
  const onStdout = () => {
    throw new Error("no more");
  };
  const startedAt = performance.now();
  await expect(sh("echo a; sleep 600", { onStdout, timeoutMs: 50_000 })).rejects.toThrow("no more");
  // Not by the deadline.
  expect(performance.now() - startedAt).toBeLessThan(40_000);
  expect(await strays(daytona.processes(sandbox.id), "600")).toEqual([]);
});

test("at the deadline SIGINT comes first and the command can end in good order", async (context) => {
  const { sh } = await daytonaMachine(context);
  const result = await sh('trap "echo interrupted; exit 5" INT; sleep 600 & wait', { timeoutMs: 700 });
  expect(result).toMatchObject({ exitCode: 5, timedOut: true, aborted: false, stdoutTail: "interrupted\n" });
});

test.for(["timeout", "abort"])(
  "at a %s a command that ignores every signal is killed with all its children",
  async (how, context) => {
    const { daytona, sandbox, sh } = await daytonaMachine(context, { provider: quickStop });
    const seconds = String(100_000 + Math.floor(Math.random() * 100_000));
    const stop = new AbortController();
    const script = `trap "" INT TERM; setsid sh -c 'trap "" INT TERM HUP; sleep ${seconds}' & echo on; while :; do sleep 1; done`;
    const result = await sh(script, {
      ...(how === "timeout" ? { timeoutMs: 500 } : { signal: stop.signal }),
      onStdout: () => stop.abort(),
    });
    expect(result).toMatchObject({
      ...{ exitCode: null, signal: "SIGKILL" },
      ...{ timedOut: how === "timeout", aborted: how === "abort" },
    });
    expect(await strays(daytona.processes(sandbox.id), seconds)).toEqual([]);
  },
);

test("an abort interrupts, and one that came before starts nothing", async (context) => {
  const { daytona, sh } = await daytonaMachine(context);
  const stop = new AbortController();
  const running = sh('trap "echo interrupted; exit 0" INT; echo ready; sleep 600 & wait', {
    signal: stop.signal,
    onStdout: () => stop.abort(),
  });
  expect(await running).toMatchObject({ exitCode: 0, aborted: true, stdoutTail: "ready\ninterrupted\n" });
  const before = daytona.calls.length;
  expect(await sh("echo ran", { signal: AbortSignal.abort() })).toMatchObject({
    exitCode: null,
    aborted: true,
  });
  expect(daytona.calls).toHaveLength(before);
});

test("what a finished command left in the background is gone with it", async (context) => {
  const { daytona, sandbox, sh } = await daytonaMachine(context);
  const seconds = String(200_000 + Math.floor(Math.random() * 100_000));
  expect(await sh(`setsid sleep ${seconds} & exit 0`)).toMatchObject({ exitCode: 0 });
  expect(await strays(daytona.processes(sandbox.id), seconds)).toEqual([]);
});

test("a supervisor that is killed is told, and its command does not go on", async (context) => {
  const { daytona, sandbox, sh } = await daytonaMachine(context);
  const seconds = String(300_000 + Math.floor(Math.random() * 100_000));
  await expect(sh(`sleep ${seconds} & kill -9 $PPID; wait`)).rejects.toMatchObject({ fault: "transient" });
  expect(await strays(daytona.processes(sandbox.id), seconds)).toEqual([]);
});

test("a new holder ends what the last one left running", async (context) => {
  const { daytona, sandbox, sh } = await daytonaMachine(context);
  const seconds = String(400_000 + Math.floor(Math.random() * 100_000));
  let ready = false;
  const old = sh(`echo ready; sleep ${seconds}`, { onStdout: () => (ready = true) }).catch(
    (error: unknown) => error,
  );
  await untilTrue(() => ready, 30_000);
  await daytonaProvider(daytona).connect(sandbox.id, lease);
  expect(await strays(daytona.processes(sandbox.id), seconds)).toEqual([]);
  await old;
});

test("several commands run at once, in their folders, and their records go", async (context) => {
  const { daytona, sandbox, sh } = await daytonaMachine(context);
  await sh("mkdir -p /workspace/a");
  const results = await Promise.all(
    [1, 2, 3].map((n) => sh(`sleep 0.2; echo ${n} $PWD`, { cwd: "/workspace/a" })),
  );
  expect(results.map(({ stdoutTail }) => stdoutTail.trim())).toEqual(
    ["1", "2", "3"].map((n) => `${n} /workspace/a`),
  );
  await sh("true");
  expect(await readdir(daytona.hostPath(sandbox.id, "/home/user/.remote-claude-runs"))).toHaveLength(1);
});

test("what cannot be run is refused before it starts", async (context) => {
  const { sandbox } = await daytonaMachine(context);
  const run = (input: object) => sandbox.exec({ argv: ["true"], timeoutMs: 20_000, ...input });
  await expect(run({ cwd: "/nowhere" })).rejects.toMatchObject({ fault: "refused" });
  await expect(run({ stdinPath: "/workspace/none" })).rejects.toMatchObject({ fault: "refused" });
  await expect(run({ stdinPath: "/workspace" })).rejects.toMatchObject({ fault: "refused" });
  await expect(run({ argv: ["a\0b"] })).rejects.toThrow(TypeError);
  await expect(run({ env: { X: "1\0" } })).rejects.toThrow(TypeError);
  await expect(run({ env: { "X=1": "1" } })).rejects.toThrow(TypeError);
  await expect(run({ gatewaySocket: "/tmp/x.sock" })).rejects.toThrow(TypeError);
});

async function strays(pids: readonly number[], word: string): Promise<string[]> {
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.filter((line) => line.includes(word));
}
