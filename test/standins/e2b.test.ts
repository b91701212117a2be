import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import {
  AuthenticationError,
  CommandExitError,
  E2B,
  FileNotFoundError,
  FileType,
  InvalidArgumentError,
  NotEnoughSpaceError,
  RateLimitError,
  SandboxNotFoundError,
  ServiceBusyError,
  TimeoutError,
  type Sandbox,
  type SandboxOpts,
} from "e2b";
import { expect, onTestFinished, test, type TestContext } from "vitest";
import { answerOnly } from "./model/scenarios.ts";
import { startModel } from "./model/start-model.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { untilTrue } from "../support/until-true.ts";
import { processesWith } from "./e2b/processes.ts";
import { startE2b, type E2bOptions, type E2bStandin } from "./e2b/start-e2b.ts";

const root = join(import.meta.dirname, "../..");
const minute = 60_000;
const launchers = ["plain", "bwrap"] as const;
const unmodelled: string[] = [];

async function standin(
  options: E2bOptions = {},
  expected: readonly (string | RegExp)[] = unmodelled,
): Promise<{ e2b: E2bStandin; client: E2B }> {
  const e2b = await startE2b(options);
  onTestFinished(async () => {
    await e2b.close();
    expect(e2b.violations).toEqual(expected.map((text) => expect.stringMatching(text) as string));
  });
  return { e2b, client: clientOf(e2b) };
}

function clientOf(
  { apiKey, apiUrl, sandboxUrl }: Pick<E2bStandin, "apiKey" | "apiUrl" | "sandboxUrl">,
  more: { retries?: number } = {},
): E2B {
  return new E2B({ apiKey, apiUrl, sandboxUrl, requestTimeoutMs: 30_000, ...more });
}

async function launched(
  context: TestContext,
  launcher: (typeof launchers)[number],
  options: E2bOptions = {},
): Promise<{ e2b: E2bStandin; client: E2B }> {
  if (launcher === "bwrap") await needBwrap(context);
  return await standin({ ...options, launcher });
}

async function machine(
  { e2b, client }: { e2b: E2bStandin; client: E2B },
  options: SandboxOpts = {},
): Promise<Sandbox> {
  return await client.Sandbox.create(e2b.template, { timeoutMs: minute, ...options });
}

/** How a promise that must reject does. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

async function json(response: Response): Promise<unknown> {
  return await response.json();
}

test("a machine is made, told apart by its metadata, described, and killed once", async () => {
  const { e2b, client } = await standin();
  const metadata = { app: "remote claude & co", session: "7%=é" };
  const network = { allowOut: ["10.1.2.3"], denyOut: ["0.0.0.0/0"], allowPublicTraffic: false };
  const lifecycle = { onTimeout: { action: "pause", keepMemory: false } } as const;
  const sandbox = await machine({ e2b, client }, { metadata, network, lifecycle });
  await machine({ e2b, client }, { metadata: { app: "other" } });
  const found = await client.Sandbox.list({ query: { metadata, state: ["running", "paused"] } }).nextItems();
  expect(found.map(({ sandboxId }) => sandboxId)).toEqual([sandbox.sandboxId]);
  expect(found[0]).toMatchObject({ metadata, state: "running", templateId: e2b.template });
  const info = await sandbox.getInfo();
  expect(info).toMatchObject({ metadata, network, lifecycle: { onTimeout: "pause", autoResume: false } });
  expect(info.endAt.getTime() - info.startedAt.getTime()).toBe(minute);
  expect(e2b.machines()[0]).toMatchObject({ id: sandbox.sandboxId, metadata, network, state: "running" });
  expect(await client.Sandbox.list({ query: { metadata: { app: "nobody" } } }).nextItems()).toEqual([]);
  expect([await sandbox.kill(), await sandbox.kill()]).toEqual([true, false]);
  expect(await failure(sandbox.getInfo())).toBeInstanceOf(SandboxNotFoundError);
  expect(await failure(client.Sandbox.connect(sandbox.sandboxId))).toBeInstanceOf(SandboxNotFoundError);
  expect(await failure(sandbox.commands.run("true"))).toBeInstanceOf(SandboxNotFoundError);
  expect(e2b.calls.slice(0, 2)).toMatchObject([
    { method: "POST", path: "/v2/sandboxes", status: 201, sandboxId: sandbox.sandboxId },
    { method: "POST", path: "/v2/sandboxes", status: 201 },
  ]);
});

test("a long list comes in pages, newest first, by state and start", async () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const { e2b, client } = await standin({ clock: () => new Date(nowMs) });
  const ids: string[] = [];
  for (let at = 0; at < 5; at += 1) {
    nowMs += 1000;
    ids.push((await machine({ e2b, client })).sandboxId);
  }
  const paginator = client.Sandbox.list({ limit: 2 });
  const pages: string[][] = [];
  while (paginator.hasNext) pages.push((await paginator.nextItems()).map(({ sandboxId }) => sandboxId));
  const [a, b, c, d, e] = ids;
  expect(pages).toEqual([[e, d], [c, b], [a]]);
  await client.Sandbox.pause(ids[1] ?? "", { keepMemory: false });
  const query = { state: ["running" as const], startedAfter: new Date(Date.UTC(2026, 0, 1) + 2000) };
  const running = await client.Sandbox.list({ query, order: "asc" }).nextItems();
  expect(running.map(({ sandboxId }) => sandboxId)).toEqual([c, d, e]);
});

test("a wrong key, a wrong token and an unknown template are refused in E2B's words", async () => {
  const { e2b, client } = await standin();
  const sandbox = await machine({ e2b, client });
  const stranger = clientOf({ ...e2b, apiKey: `e2b_${"f".repeat(40)}` });
  expect(await failure(stranger.Sandbox.connect(sandbox.sandboxId))).toBeInstanceOf(AuthenticationError);
  const asClient = { "User-Agent": "e2b-js-sdk/2.51.0" };
  expect(await json(await fetch(`${e2b.apiUrl}/v2/sandboxes`, { headers: asClient }))).toEqual({
    code: 401,
    message: expect.any(String) as string,
  });
  const headers = { "E2b-Sandbox-Id": sandbox.sandboxId, "E2b-Sandbox-Port": "49983", "X-Access-Token": "x" };
  const read = await fetch(`${e2b.sandboxUrl}/files?path=/workspace/x`, {
    headers: { ...headers, ...asClient },
  });
  expect([read.status, await json(read)]).toMatchObject([401, { code: 401 }]);
  expect(await failure(client.Sandbox.create("unknown"))).toMatchObject({ statusCode: 404 });
}, 20_000);

test.for(launchers)(
  "%s: commands really run, as user, with their cwd, environment and exit code",
  async (launcher, context) => {
    const { e2b, client } = await launched(context, launcher);
    const sandbox = await machine({ e2b, client }, { envs: { MADE_WITH: "create" } });
    const script =
      'echo "$GREETING $MADE_WITH $USER $E2B_SANDBOX_ID" > /workspace/said; echo out; echo err >&2; pwd';
    const result = await sandbox.commands.run(script, {
      cwd: "/workspace",
      envs: { GREETING: 'it\'s "me"' },
    });
    const workspace = launcher === "bwrap" ? "/workspace" : e2b.hostPath(sandbox.sandboxId, "/workspace");
    expect(result).toMatchObject({ exitCode: 0, stdout: `out\n${workspace}\n`, stderr: "err\n" });
    const said = await readFile(e2b.hostPath(sandbox.sandboxId, "/workspace/said"), "utf8");
    expect(said).toBe(`it's "me" create user ${sandbox.sandboxId}\n`);
    expect((await sandbox.commands.run('cd && pwd && cat "$HOME/../../workspace/said"')).stdout).toContain(
      "create",
    );
    const error = await failure(sandbox.commands.run("echo half; exit 3"));
    expect(error).toBeInstanceOf(CommandExitError);
    expect(error).toMatchObject({ exitCode: 3, stdout: "half\n", error: "exit status 3" });
    expect(await failure(sandbox.commands.run("kill -TERM $$"))).toMatchObject({
      exitCode: -1,
      error: "signal: terminated",
    });
    expect(await failure(sandbox.commands.run("no-such-command"))).toMatchObject({ exitCode: 127 });
    expect(await failure(sandbox.commands.run("true", { cwd: "/workspace/none" }))).toBeInstanceOf(
      InvalidArgumentError,
    );
  },
);

test.for(launchers)(
  "%s: a command is listed, fed, followed by a second client, and killed alone",
  async (launcher, context) => {
    const { e2b, client } = await launched(context, launcher);
    const sandbox = await machine({ e2b, client });
    const handle = await sandbox.commands.run('sleep 300 & read -r line; echo "got $line"; cat; wait', {
      background: true,
      stdin: true,
      envs: { A: "b" },
    });
    const listed = { pid: handle.pid, cmd: "/bin/bash", envs: { A: "b" }, cwd: "/home/user" };
    expect(await sandbox.commands.list()).toMatchObject([listed]);
    const second = await sandbox.commands.connect(handle.pid);
    await sandbox.commands.sendStdin(handle.pid, "one\n");
    await sandbox.commands.sendStdin(handle.pid, "two\n");
    await sandbox.commands.closeStdin(handle.pid);
    await untilTrue(() => handle.stdout === "got one\ntwo\n" && second.stdout === "got one\ntwo\n");
    // Its pid is the machine's own: another command can signal it.
    await sandbox.commands.run(`kill -0 ${handle.pid}`);
    // Commands lead no process group, as under envd.
    expect(await failure(sandbox.commands.run(`kill -9 -- -${handle.pid}`))).toBeInstanceOf(CommandExitError);
    expect(await sandbox.commands.kill(handle.pid)).toBe(true);
    const end = { exitCode: -1, error: "signal: killed" };
    expect(await Promise.all([failure(handle.wait()), failure(second.wait())])).toMatchObject([end, end]);
    // The child of the killed shell lives on.
    expect(e2b.processes(sandbox.sandboxId)).toHaveLength(1);
    expect(await sandbox.commands.list()).toEqual([]);
    expect(await sandbox.commands.kill(handle.pid)).toBe(false);
    expect(await failure(sandbox.commands.sendStdin(handle.pid, "x"))).toMatchObject({
      name: "NotFoundError",
    });
    await sandbox.kill();
  },
);

test.for(launchers)("%s: 50 MB of output arrive whole, and 50 MB of input too", async (launcher, context) => {
  const { e2b, client } = await launched(context, launcher);
  const sandbox = await machine({ e2b, client });
  const size = 50_000_000;
  const { stdout } = await sandbox.commands.run(`head -c ${size} /dev/zero | tr '\\0' x`);
  expect(stdout.length).toBe(size);
  const bytes = Buffer.alloc(size, "0123456789abcdef");
  await sandbox.files.write("/workspace/big", new Blob([bytes]), { useOctetStream: true });
  const back = await sandbox.files.read("/workspace/big", { format: "bytes" });
  expect(bytes.equals(back)).toBe(true);
});

test.for(launchers)(
  "%s: a client that aborts or vanishes leaves its command running; killing it by pid ends it",
  async (launcher, context) => {
    const { e2b, client } = await launched(context, launcher);
    const sandbox = await machine({ e2b, client });
    const stop = new AbortController();
    const running = await sandbox.commands.run("exec sleep 300", { background: true, signal: stop.signal });
    stop.abort();
    await failure(running.wait());
    expect((await sandbox.commands.list()).map(({ pid }) => pid)).toEqual([running.pid]);
    // While the login shell reads its profile, there are more.
    await untilTrue(() => e2b.processes(sandbox.sandboxId).length === 1);
    expect(await sandbox.commands.kill(running.pid)).toBe(true);
    await untilTrue(async () => (await sandbox.commands.list()).length === 0);
    expect(e2b.processes(sandbox.sandboxId)).toEqual([]);
  },
);

test.for(launchers)(
  "%s: a command over its time is killed, its children are not",
  async (launcher, context) => {
    const { e2b, client } = await launched(context, launcher);
    const sandbox = await machine({ e2b, client });
    const error = await failure(sandbox.commands.run("sleep 300 & sleep 300; true", { timeoutMs: 2000 }));
    expect(error).toBeInstanceOf(TimeoutError);
    await untilTrue(async () => (await sandbox.commands.list()).length === 0);
    expect(e2b.processes(sandbox.sandboxId)).toHaveLength(2);
    await sandbox.kill();
  },
);

test("files are written, read, listed, moved and removed as envd does it", async () => {
  const { e2b, client } = await standin();
  const { files, sandboxId } = await machine({ e2b, client });
  await files.write("/workspace/deep/er/text", "grüezi");
  await files.write([
    { path: "/workspace/one", data: "1" },
    { path: "relative", data: new Uint8Array([0, 255, 10, 13]).buffer },
  ]);
  await files.write("/workspace/empty", "", { gzip: true });
  expect(await files.read("/workspace/deep/er/text")).toBe("grüezi");
  expect(await files.read("/home/user/relative", { format: "bytes" })).toEqual(
    new Uint8Array([0, 255, 10, 13]),
  );
  expect(await files.read("/workspace/empty")).toBe("");
  expect(await files.list("/workspace", { depth: 2 })).toMatchObject([
    { name: "deep", type: FileType.DIR, path: "/workspace/deep" },
    { name: "er", type: FileType.DIR, path: "/workspace/deep/er" },
    { name: "empty", type: FileType.FILE, size: 0, owner: "user", permissions: "-rw-r--r--" },
    { name: "one", type: FileType.FILE, size: 1, mode: 0o644 },
  ]);
  expect([await files.makeDir("/workspace/new"), await files.makeDir("/workspace/new")]).toEqual([
    true,
    false,
  ]);
  expect(await failure(files.makeDir("/workspace/one"))).toBeInstanceOf(InvalidArgumentError);
  expect(await files.rename("/workspace/one", "/workspace/new/a/two")).toMatchObject({
    name: "two",
    size: 1,
  });
  expect(await files.exists("/workspace/one")).toBe(false);
  await files.remove("/workspace/deep");
  await files.remove("/workspace/deep");
  expect((await files.list("/workspace")).map(({ name }) => name)).toEqual(["empty", "new"]);
  for (const path of ["/workspace/none", "/workspace/empty/none"]) {
    expect(await failure(files.read(path))).toBeInstanceOf(FileNotFoundError);
    expect(await failure(files.getInfo(path))).toBeInstanceOf(FileNotFoundError);
    expect(await failure(files.list(path))).toBeInstanceOf(FileNotFoundError);
  }
  expect(await failure(files.read("/workspace/new"))).toBeInstanceOf(InvalidArgumentError);
  expect(await failure(files.write("/workspace/new", "x"))).toBeInstanceOf(InvalidArgumentError);
  expect(await readFile(e2b.hostPath(sandboxId, "/workspace/new/a/two"), "utf8")).toBe("1");
  e2b.fault({
    method: "POST",
    path: /^\/files/,
    when: "before",
    do: { status: 507, body: { code: 507, message: "full" } },
  });
  expect(await failure(files.write("/workspace/x", "y"))).toBeInstanceOf(NotEnoughSpaceError);
});

test.for(launchers)(
  "%s: links are followed inside the machine and never to the host",
  async (launcher, context) => {
    const { e2b, client } = await launched(context, launcher);
    const { files, commands, sandboxId } = await machine({ e2b, client });
    await files.write("/workspace/real/file", "inside");
    await commands.run("ln -s /workspace/real /home/user/link && ln -s ../real/file /workspace/real/again");
    await commands.run(
      "ln -s /etc/passwd /workspace/passwd && ln -s loop /workspace/loop && ln -s none /workspace/broken",
    );
    expect(await files.read("/home/user/link/again")).toBe("inside");
    await files.write("/home/user/link/new", "through the link");
    expect(await readFile(e2b.hostPath(sandboxId, "/workspace/real/new"), "utf8")).toBe("through the link");
    expect(await files.getInfo("/home/user/link")).toMatchObject({
      type: FileType.DIR,
      symlinkTarget: "/workspace/real",
    });
    expect(await files.getInfo("/workspace/broken")).toMatchObject({ type: FileType.SYMLINK });
    for (const path of ["/workspace/passwd", "/workspace/loop"]) {
      expect(await failure(files.read(path))).toBeInstanceOf(FileNotFoundError);
      await failure(files.write(path, "x"));
    }
    expect(await readFile("/etc/passwd", "utf8")).not.toBe("x");
  },
);

test.for(launchers)(
  "%s: a pause without memory ends the processes, cuts the streams and keeps the files",
  async (launcher, context) => {
    const { e2b, client } = await launched(context, launcher);
    const sandbox = await machine({ e2b, client });
    await sandbox.files.write("/workspace/kept", "yes");
    const running = await sandbox.commands.run("sleep 300 & exec sleep 300", { background: true });
    const ended = failure(running.wait());
    expect(await sandbox.pause({ keepMemory: false })).toBe(true);
    expect(await ended).toBeInstanceOf(TimeoutError);
    expect(await client.Sandbox.pause(sandbox.sandboxId)).toBe(false);
    expect(e2b.processes(sandbox.sandboxId)).toEqual([]);
    expect(await sandbox.isRunning()).toBe(false);
    expect(await failure(sandbox.commands.run("true"))).toBeInstanceOf(SandboxNotFoundError);
    expect(await failure(sandbox.files.read("/workspace/kept"))).toBeInstanceOf(TimeoutError);
    expect(await failure(sandbox.setTimeout(minute))).toBeInstanceOf(SandboxNotFoundError);
    expect((await sandbox.getInfo()).state).toBe("paused");
    const resumed = await client.Sandbox.connect(sandbox.sandboxId, { timeoutMs: 2 * minute });
    expect(await resumed.files.read("/workspace/kept")).toBe("yes");
    expect(await resumed.commands.list()).toEqual([]);
    const connects = e2b.calls.filter(({ path }) => path.endsWith("/connect"));
    await client.Sandbox.connect(sandbox.sandboxId, { timeoutMs: 1000 });
    expect(connects.map(({ status }) => status)).toEqual([201]);
    expect(e2b.calls.at(-1)?.status).toBe(200);
    const { startedAt, endAt } = await resumed.getInfo();
    // Connecting only extends: the second, shorter time changed nothing.
    expect(endAt.getTime() - startedAt.getTime()).toBe(2 * minute);
  },
);

test.for(launchers)(
  "%s: a pause with memory holds the processes until the resume, unless that reboots",
  async (launcher, context) => {
    const { e2b, client } = await launched(context, launcher);
    const sandbox = await machine({ e2b, client }, { envs: { MADE_WITH: "create" } });
    const first = await sandbox.commands.run("for i in $(seq 3000); do echo $i; sleep 0.1; done", {
      background: true,
    });
    const cut = failure(first.wait());
    await untilTrue(() => first.stdout.includes("2\n"));
    await sandbox.pause();
    await cut;
    const resumed = await client.Sandbox.connect(sandbox.sandboxId, { timeoutMs: minute });
    expect((await resumed.commands.list()).map(({ pid }) => pid)).toEqual([first.pid]);
    const again = await resumed.commands.connect(first.pid);
    await untilTrue(() => again.stdout.includes("\n"));
    await again.kill();
    expect(await failure(again.wait())).toMatchObject({ error: "signal: killed" });
    expect((await resumed.commands.run("echo $MADE_WITH")).stdout).toBe("create\n");
    await resumed.commands.run("sleep 300", { background: true });
    await resumed.pause();
    const rebooted = await client.Sandbox.connect(sandbox.sandboxId, { onResume: "reboot" });
    expect(await rebooted.commands.list()).toEqual([]);
    expect((await rebooted.commands.run("echo $MADE_WITH")).stdout).toBe("\n");
  },
);

test.for(launchers)(
  "%s: its own restart keeps files and paused machines, and no process",
  async (launcher, context) => {
    const directory = await temporaryFolder();
    const { e2b, client } = await launched(context, launcher, { directory });
    const paused = await machine({ e2b, client }, { metadata: { session: "1" } });
    await paused.files.write("/workspace/kept", "yes");
    await paused.commands.run("exec sleep 300", { background: true });
    await paused.pause();
    const running = await machine({ e2b, client });
    await running.commands.run("exec sleep 300", { background: true });
    await e2b.restart();
    expect([...survivors(paused.sandboxId), ...survivors(running.sandboxId)]).toEqual([]);
    expect(
      e2b
        .machines()
        .map(({ state }) => state)
        .sort(),
    ).toEqual(["paused", "running"]);
    // The client's idle connections broke with the restart; a fresh client has none.
    const found = await clientOf(e2b)
      .Sandbox.list({ query: { metadata: { session: "1" } } })
      .nextItems();
    expect(found.map(({ sandboxId }) => sandboxId)).toEqual([paused.sandboxId]);
    const resumed = await clientOf(e2b).Sandbox.connect(paused.sandboxId);
    expect(await resumed.files.read("/workspace/kept")).toBe("yes");
    expect(await resumed.commands.list()).toEqual([]);
    expect((await running.commands.run("echo alive")).stdout).toBe("alive\n");
    await e2b.close();
    const later = await startE2b({ directory, launcher });
    onTestFinished(() => later.close());
    expect(await readFile(later.hostPath(paused.sandboxId, "/workspace/kept"), "utf8")).toBe("yes");
    expect(later.machines()).toHaveLength(2);
  },
);

/** Host pids of what runs in a machine, whatever the stand-in says. */
function survivors(sandboxId: string): number[] {
  return processesWith(`E2B_SANDBOX_ID=${sandboxId}`);
}

test("faults strike before or after the request acted, as often as they are told to", async () => {
  const { e2b } = await standin();
  const client = clientOf(e2b, { retries: 0 });
  const sandbox = await machine({ e2b, client });
  const { sandboxId } = sandbox;
  e2b.fault({
    path: /connect$/,
    times: 2,
    when: "before",
    do: { status: 429, headers: { "Retry-After": "1" } },
  });
  for (let time = 0; time < 2; time += 1) {
    expect(await failure(client.Sandbox.connect(sandboxId))).toBeInstanceOf(RateLimitError);
  }
  await client.Sandbox.connect(sandboxId);
  e2b.fault({ method: "POST", path: /^\/v2\/sandboxes$/, when: "after", do: { status: 503 } });
  expect(await failure(machine({ e2b, client }, { metadata: { lost: "answer" } }))).toBeInstanceOf(
    ServiceBusyError,
  );
  expect(e2b.machines()).toMatchObject([{ id: sandboxId }, { metadata: { lost: "answer" } }]);
  e2b.fault({ path: /pause$/, when: "after", do: "reset" });
  expect(await failure(sandbox.pause({ keepMemory: false }))).toMatchObject({ message: "fetch failed" });
  expect(e2b.machines()[0]?.state).toBe("paused");
  e2b.fault({ path: /pause$/, when: "before", do: { status: 409 } });
  expect(await sandbox.pause()).toBe(false);
  e2b.fault({ path: /connect$/, when: "before", do: { status: 500, body: { code: 500, message: "boom" } } });
  expect(await failure(client.Sandbox.connect(sandboxId))).toMatchObject({
    statusCode: 500,
    message: "500: boom",
  });
  const back = await client.Sandbox.connect(sandboxId);
  e2b.fault({ path: /Process\/Start$/, when: "after", do: "reset" });
  await failure(back.commands.run("touch /workspace/ran; exec sleep 300"));
  expect(await back.commands.list()).toHaveLength(1);
  e2b.fault({ path: /^\/sandboxes\//, method: "GET", when: "before", do: "hang" });
  expect(await failure(client.Sandbox.getInfo(sandboxId, { requestTimeoutMs: 200 }))).toMatchObject({
    name: "TimeoutError",
  });
  expect((await back.getInfo()).state).toBe("running");
});

test("the client's own retry of a 429 finds a stand-in that has recovered", async () => {
  const { e2b, client } = await standin();
  const { sandboxId } = await machine({ e2b, client });
  e2b.fault({ path: /timeout$/, when: "before", do: { status: 429, headers: { "Retry-After": "0" } } });
  await client.Sandbox.setTimeout(sandboxId, 2 * minute);
  const statuses = e2b.calls.filter(({ path }) => path.endsWith("/timeout")).map(({ status }) => status);
  expect(statuses).toEqual([429, 204]);
});

test("a lost pause goes back to the files of the pause before", async () => {
  const { e2b, client } = await standin();
  const sandbox = await machine({ e2b, client });
  const turn = async (text: string) => {
    await sandbox.files.write("/workspace/state", text);
    await sandbox.pause({ keepMemory: false });
    await sandbox.connect();
    return await sandbox.files.read("/workspace/state").catch(() => null);
  };
  expect(await turn("first")).toBe("first");
  e2b.loseNextPause();
  expect(await turn("second")).toBe("first");
  expect(await turn("third")).toBe("third");
  e2b.loseNextPause();
  expect(await turn("fourth")).toBe("third");
  const fresh = await machine({ e2b, client });
  e2b.loseNextPause();
  await fresh.files.write("/workspace/state", "never kept");
  await fresh.pause();
  await fresh.connect();
  expect(await fresh.files.list("/workspace")).toEqual([]);
});

test("files changed between pause and resume are there after it", async () => {
  const { e2b, client } = await standin();
  const sandbox = await machine({ e2b, client });
  e2b.onResume(async ({ id, root: files }) => {
    expect(id).toBe(sandbox.sandboxId);
    await writeFile(join(files, "workspace/slipped-in"), "x");
  });
  await sandbox.pause({ keepMemory: false });
  await sandbox.connect();
  expect(await sandbox.files.exists("/workspace/slipped-in")).toBe(true);
});

test("a machine that is lost, or goes on under another id, is not found", async () => {
  const { e2b, client } = await standin();
  const lost = await machine({ e2b, client });
  await lost.commands.run("exec sleep 300", { background: true });
  const folder = e2b.hostPath(lost.sandboxId, "/workspace");
  await e2b.loseMachine(lost.sandboxId);
  expect(survivors(lost.sandboxId)).toEqual([]);
  await expect(stat(folder)).rejects.toThrow("ENOENT");
  expect(await failure(client.Sandbox.connect(lost.sandboxId))).toBeInstanceOf(SandboxNotFoundError);
  const moved = await machine({ e2b, client });
  await moved.files.write("/workspace/file", "kept");
  await moved.pause({ keepMemory: false });
  e2b.answerOtherIdOnConnect();
  const resumed = await client.Sandbox.connect(moved.sandboxId);
  // The client hides the id that was answered, and goes on with the one that is gone.
  expect(resumed.sandboxId).toBe(moved.sandboxId);
  expect(await failure(resumed.commands.run("true"))).toBeInstanceOf(SandboxNotFoundError);
  const [other] = e2b.machines();
  expect(other?.id).not.toBe(moved.sandboxId);
  expect(await readFile(e2b.hostPath(other?.id ?? "", "/workspace/file"), "utf8")).toBe("kept");
});

test("a machine whose time or plan is over is paused or killed by its lifecycle", async () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const { e2b, client } = await standin({ clock: () => new Date(nowMs) });
  e2b.planCapMs = 60 * minute;
  const kept = await machine(
    { e2b, client },
    { lifecycle: { onTimeout: { action: "pause", keepMemory: false } } },
  );
  const killed = await machine({ e2b, client }, { timeoutMs: 2 * minute });
  await kept.commands.run("exec sleep 300", { background: true });
  await kept.setTimeout(600 * minute);
  // The plan's cap holds whatever was asked for.
  expect((await kept.getInfo()).endAt.getTime() - nowMs).toBe(60 * minute);
  nowMs += 2 * minute;
  await untilTrue(() => e2b.machines().length === 1);
  expect(await failure(killed.getInfo())).toBeInstanceOf(SandboxNotFoundError);
  expect((await kept.getInfo()).state).toBe("running");
  nowMs += 58 * minute;
  expect((await kept.getInfo()).state).toBe("paused");
  expect(e2b.processes(kept.sandboxId)).toEqual([]);
  expect(await failure(kept.connect({ timeoutMs: 61 * minute }))).toMatchObject({ statusCode: 400 });
  await kept.connect({ timeoutMs: 60 * minute });
  expect((await kept.getInfo()).state).toBe("running");
});

test("a clock that is wrong is wrong in everything the stand-in tells, and in nothing it does", async () => {
  const { e2b, client } = await standin();
  const sandbox = await machine({ e2b, client });
  const right = await sandbox.getInfo();
  e2b.skewClock(-3 * 3_600_000);
  const wrong = await sandbox.getInfo();
  expect(right.startedAt.getTime() - wrong.startedAt.getTime()).toBe(3 * 3_600_000);
  expect(wrong.endAt.getTime()).toBeLessThan(Date.now());
  expect((await sandbox.commands.run("echo still here")).stdout).toBe("still here\n");
});

test("bwrap: a machine has a root, a user and processes of its own, and its tools", async (context) => {
  const tools = join(root, "node_modules/.bin");
  const { e2b, client } = await launched(context, "bwrap", { toolPaths: [tools, dirname(process.execPath)] });
  const sandbox = await machine({ e2b, client });
  const lines = async (script: string) => (await sandbox.commands.run(script)).stdout.trim().split("\n");
  expect(await lines("id -u; id -un; echo $HOME; hostname; command -v claude; node --version")).toEqual([
    ...["1000", "user", "/home/user", "e2b", join(tools, "claude"), process.version],
  ]);
  expect((await lines("claude --version"))[0]).toContain("Claude Code");
  const writable =
    "for d in / /usr /etc /opt /home /home/user /workspace /tmp /var /root; do touch $d/x 2>/dev/null && echo $d; done; true";
  expect(await lines(writable)).toEqual(["/home/user", "/workspace", "/tmp"]);
  expect(await lines("ls /proc | grep -c '^[0-9]*$'; cat /proc/1/cmdline | tr '\\0' ' '")).toEqual([
    expect.stringMatching(/^[0-9]$/),
    expect.not.stringContaining(e2b.hostPath(sandbox.sandboxId, "/workspace")),
  ]);
  expect(await lines("env | grep -c NODE_ || true")).toEqual(["0"]);
  // A login shell sets PATH anew, as in E2B's templates: what the client sends does not count.
  const path = await sandbox.commands.run("echo $PATH", { envs: { PATH: "/nowhere" } });
  expect(path.stdout).not.toContain("/nowhere");
});

test("bwrap: a machine reaches a host of this machine only while its policy allows it", async (context) => {
  const server = createServer((_request, response) => response.end("gateway\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const { e2b, client } = await launched(context, "bwrap", { reachable: [{ host: "127.0.0.1", port }] });
  const denyOut = ["0.0.0.0/0"];
  const sandbox = await machine({ e2b, client }, { network: { allowOut: ["127.0.0.1/32"], denyOut } });
  const ask = () =>
    sandbox.commands
      .run(`exec 4<>/dev/tcp/127.0.0.1/${port}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&4; tail -n 1 <&4`)
      .then(
        ({ stdout }) => stdout,
        (error: unknown) => (error as CommandExitError).exitCode,
      );
  expect(await ask()).toBe("gateway\n");
  await sandbox.updateNetwork({ denyOut });
  expect(await ask()).toBe(1);
  expect(e2b.machines()[0]?.network).toEqual({ denyOut, allowInternetAccess: null });
  await sandbox.updateNetwork({ allowOut: ["127.0.0.1"], denyOut });
  await sandbox.pause({ keepMemory: false });
  await sandbox.connect();
  expect(await ask()).toBe("gateway\n");
  await sandbox.updateNetwork({ allowInternetAccess: false });
  expect(await ask()).toBe(1);
  const other = await machine({ e2b, client }, { network: { denyOut } });
  const probe = `exec 4<>/dev/tcp/127.0.0.1/${new URL(e2b.apiUrl).port}`;
  expect(await failure(other.commands.run(probe))).toBeInstanceOf(CommandExitError);
});

test.for(launchers)(
  "%s: the real Claude Code is in the PATH and reaches its model",
  async (launcher, context) => {
    const key = "sk-ant-standin";
    const model = await startModel({ keys: [key], scenario: answerOnly("Hello from the machine.") });
    onTestFinished(() => model.close());
    const { hostname: host, port } = new URL(model.url);
    const { e2b, client } = await launched(context, launcher, {
      toolPaths: [join(root, "node_modules/.bin")],
      reachable: [{ host, port: Number(port) }],
    });
    const network = { allowOut: [host], denyOut: ["0.0.0.0/0"] };
    const sandbox = await machine({ e2b, client }, { network });
    await sandbox.files.write("/workspace/prompt", "say hello\n");
    const { stdout } = await sandbox.commands.run(
      "exec claude -p --setting-sources user --strict-mcp-config --model claude-sonnet-4-5 < /workspace/prompt",
      {
        cwd: "/workspace",
        envs: {
          ANTHROPIC_BASE_URL: model.url,
          ANTHROPIC_API_KEY: key,
          IS_SANDBOX: "1",
          DISABLE_AUTOUPDATER: "1",
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
          CLAUDE_CODE_MAX_RETRIES: "1",
        },
      },
    );
    expect(stdout).toBe("Hello from the machine.\n");
    expect(model.violations).toEqual([]);
    expect((await sandbox.files.list("/home/user/.claude/projects")).map(({ type }) => type)).toContain(
      "dir",
    );
  },
);

test("what is unknown, unmodelled or invalid is refused by name and kept as a violation", async () => {
  const { e2b, client } = await standin({}, [
    /GET \/sandboxes\/\S+\/metrics: .* not modelled/,
    /POST \/v2\/sandboxes: invalid request: .*volumeMounts/,
    /unknown header x-extra/,
    /header user-agent: unexpected value curl/,
    /network.allowOut: .*"127.0.0.1:80"/,
    /allowOut names domains, so denyOut/,
    /only "user" is modelled, got "root"/,
    /path \/etc\/passwd: only \/home\/user/,
    /WatchDir is not modelled/,
    /POST \/process.Process\/Start: invalid request: .*"pty"/,
    /GET \/v2\/sandboxes: unknown header/,
    /autoResume.enabled/,
    /username: only "user"/,
  ]);
  const sandbox = await machine({ e2b, client });
  await failure(sandbox.getMetrics());
  await failure(machine({ e2b, client }, { volumeMounts: { "/data": "volume" } }));
  await failure(client.Sandbox.getInfo(sandbox.sandboxId, { apiHeaders: { "X-Extra": "1" } }));
  await fetch(`${e2b.apiUrl}/v2/sandboxes`, { headers: { "User-Agent": "curl/8", "X-API-KEY": e2b.apiKey } });
  const network = { allowOut: ["127.0.0.1:80"] };
  expect(await failure(machine({ e2b, client }, { network }))).toMatchObject({ statusCode: 400 });
  await failure(machine({ e2b, client }, { network: { allowOut: ["github.com"] } }));
  await failure(sandbox.commands.run("id", { user: "root" }));
  await failure(sandbox.files.read("/etc/passwd"));
  await failure(sandbox.files.watchDir("/workspace", () => undefined));
  await failure(sandbox.pty.create({ cols: 80, rows: 24, onData: () => undefined }));
  // The doors are told apart.
  const swapped = clientOf({ ...e2b, apiUrl: e2b.sandboxUrl });
  await failure(swapped.Sandbox.list().nextItems());
  await failure(machine({ e2b, client }, { lifecycle: { onTimeout: "pause", autoResume: true } }));
  await failure(sandbox.files.read("/workspace/x", { user: "root" }));
  expect(e2b.machines()).toHaveLength(1);
});
