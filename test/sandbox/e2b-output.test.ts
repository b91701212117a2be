import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { untilTrue } from "../support/until-true.ts";
import { e2bMachine, e2bWorld, lease, shellOf, spec } from "./e2b-fixture.ts";

const patience = { interruptMs: 300, terminateMs: 300 };
const timings = { patience: { timeout: patience, abort: patience }, pollMs: 1_000, killGraceMs: 5_000 };

/** A machine whose daemon is reached through a network that can be cut. */
async function machineBehindProxy() {
  const { e2b, another } = await e2bWorld();
  const { hostname, port } = new URL(e2b.sandboxUrl);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  onTestFinished(() => proxy.close());
  const provider = another({ timings, config: { sandboxUrl: `http://127.0.0.1:${proxy.port}` } });
  const sandbox = await provider.create(spec);
  const cut = () => {
    proxy.refuse();
    proxy.restore();
  };
  return { e2b, sandbox, sh: shellOf(sandbox), cut };
}

function collector() {
  const chunks: Uint8Array[] = [];
  return { push: (chunk: Uint8Array) => void chunks.push(chunk), all: () => Buffer.concat(chunks) };
}

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("a stream that is cut again and again loses nothing and says nothing twice", async () => {
  const { sh, cut } = await machineBehindProxy();
  const [out, err] = [collector(), collector()];
  let cuts = 0;
  const result = await sh(
    "i=0; while [ $i -lt 40 ]; do echo line $i; echo other $i >&2; i=$((i+1)); sleep 0.05; done; exit 3",
    {
      onStdout: (chunk) => {
        out.push(chunk);
        const lines = out.all().toString().split("\n").length;
        if (lines / 8 <= cuts || cuts === 4) return;
        cuts += 1;
        cut();
      },
      onStderr: err.push,
    },
  );
  const lines = (word: string) => Array.from({ length: 40 }, (_, n) => `${word} ${n}\n`).join("");
  expect({ out: out.all().toString(), err: err.all().toString() }).toEqual({
    out: lines("line"),
    err: lines("other"),
  });
  expect(result).toMatchObject({ exitCode: 3, stdoutTail: lines("line"), stderrTail: lines("other") });
  expect(cuts).toBeGreaterThan(1);
});

test("a command whose start was not answered runs once, and all of it is heard", async () => {
  const { e2b, sandbox, sh } = await e2bMachine({ provider: { timings } });
  for (const answer of ["reset", { status: 502 }, { status: 503 }] as const) {
    e2b.fault({ path: /Process\/Start/, when: "after", do: answer });
    const result = await sh("echo once | tee -a /workspace/log; sleep 0.3; echo done");
    expect(result).toMatchObject({ exitCode: 0, stdoutTail: "once\ndone\n" });
  }
  const log = await sandbox.readFile("/workspace/log", { maxBytes: 1_000 });
  expect(Buffer.from(log ?? []).toString()).toBe("once\nonce\nonce\n");
});

test("a command whose start was not answered can be stopped", async () => {
  const { e2b, sh } = await e2bMachine({ provider: { timings } });
  const stop = new AbortController();
  e2b.fault({ path: /Process\/Start/, when: "after", do: "reset" });
  const running = sh('trap "echo interrupted; exit 0" INT; echo ready; sleep 600 & wait', {
    signal: stop.signal,
    onStdout: () => stop.abort(),
  });
  expect(await running).toMatchObject({ exitCode: 0, aborted: true, stdoutTail: "ready\ninterrupted\n" });
});

test.each([
  ["random bytes", "head -c 300000 /dev/urandom"],
  ["a byte order mark first", "printf '\\357\\273\\277text'"],
  ["half a character last", "printf 'text\\303'"],
  ["a replacement character among text", "printf 'a\\357\\277\\275b'; sleep 0.2; printf c"],
  [
    "characters in pieces",
    "printf '\\360\\235'; sleep 0.2; printf '\\204\\236'; sleep 0.2; printf '\\303'; sleep 0.1; printf '\\274'",
  ],
  ["zeros", "head -c 100000 /dev/zero"],
  ["more than is heard live", "head -c 9000000 /dev/zero | tr '\\0' x; printf end"],
])("%s arrive as they are", async (_, script) => {
  const { sandbox, sh } = await e2bMachine({ provider: { timings } });
  const [out, err] = [collector(), collector()];
  const result = await sh(`{ ${script}; } | tee /workspace/kept | tee /dev/stderr`, {
    onStdout: out.push,
    onStderr: err.push,
  });
  expect(result.exitCode).toBe(0);
  const kept = await sandbox.readFile("/workspace/kept", { maxBytes: 2e7 });
  expect(hash(out.all())).toBe(hash(kept ?? Buffer.alloc(0)));
  expect(hash(err.all())).toBe(hash(out.all()));
});

test("a command is stopped with all its children while its stream is lost", async () => {
  const { e2b, sandbox, sh, cut } = await machineBehindProxy();
  const stop = new AbortController();
  let ready = false;
  const running = sh('trap "" INT TERM; setsid sleep 600 & echo ready; while :; do sleep 1; done', {
    timeoutMs: 60_000,
    signal: stop.signal,
    onStdout: () => (ready = true),
  });
  await untilTrue(() => ready);
  cut();
  stop.abort();
  expect(await running).toMatchObject({
    exitCode: null,
    signal: "SIGKILL",
    aborted: true,
    stdoutTail: "ready\n",
  });
  expect(e2b.processes(sandbox.id)).toEqual([]);
});

test("a launcher that the agent kills takes the command with it, and nobody believes that it ended", async () => {
  const { e2b, sandbox, sh } = await e2bMachine({ provider: { timings } });
  const running = sh("setsid sleep 600 & sleep 1; kill -KILL $PPID; wait", { timeoutMs: 60_000 });
  await expect(running).rejects.toMatchObject({ fault: "transient" });
  expect(e2b.processes(sandbox.id)).toEqual([]);
});

test("a command that nobody inside can stop any more is ended from outside at its deadline", async () => {
  const { e2b, sandbox, sh } = await e2bMachine({ provider: { timings } });
  // The launcher's reader of signals is the other child of the launcher that leads a group.
  const script =
    'sleep 0.5; for p in $(ls /proc | grep -x \'[0-9]*\'); do read -r _ _ _ parent group _ 2>/dev/null </proc/$p/stat && [ "$parent" = $PPID ] && [ "$group" = $p ] && [ $p != $$ ] && kill -KILL $p; done; kill -KILL $PPID; sleep 600';
  const result = await sh(script, { timeoutMs: 2_000 });
  expect(result).toMatchObject({ exitCode: null, signal: "SIGKILL", timedOut: true });
  expect(e2b.processes(sandbox.id)).toEqual([]);
});

test("what a dead worker left running is ended by the next one that connects", async () => {
  const { e2b, another, sandbox, sh } = await e2bMachine({ provider: { timings } });
  let ready = false;
  const left = sh('trap "" INT TERM; echo ready; setsid sleep 600; sleep 600', {
    timeoutMs: 60_000,
    onStdout: () => (ready = true),
  });
  left.catch(() => undefined);
  await untilTrue(() => ready);
  const next = await another().connect(sandbox.id, lease);
  expect(e2b.processes(sandbox.id)).toEqual([]);
  expect(await next.exec({ argv: ["true"], timeoutMs: 10_000 })).toMatchObject({ exitCode: 0 });
  expect((await left).exitCode).toBe(137);
});

test("what commands have said does not pile up in the machine", async () => {
  const { sandbox, sh } = await e2bMachine();
  for (let n = 0; n < 5; n += 1) await sh("echo many words");
  const listed = async (box: Sandbox) => {
    await delay(50);
    const { stdoutTail } = await box.exec({ argv: ["ls", "/workspace/tmp/.runs"], timeoutMs: 10_000 });
    return stdoutTail.trim().split("\n").length;
  };
  await untilTrue(async () => (await listed(sandbox)) <= 2);
});
