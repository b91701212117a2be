import { writeFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import type { SandboxFault, SandboxProvider } from "../../src/sandbox/sandbox.ts";
import type { FaultRule } from "../standins/e2b/faults.ts";
import {
  daytonaMachine,
  daytonaProvider,
  daytonaStage,
  lease,
  metadata,
  spec,
} from "../standins/daytona/stage.ts";

vi.setConfig({ testTimeout: 60_000 });

const creates = { method: "POST", path: /\/api\/sandbox$/ } as const;

test("a machine is made from the snapshot with what it is for, how long, and nothing secret", async (context) => {
  const { daytona, sandbox } = await daytonaMachine(context);
  const [machine] = daytona.machines();
  expect(machine).toMatchObject({
    id: sandbox.id,
    snapshot: "remote-claude",
    labels: metadata,
    env: {},
    ...{ autoStopInterval: 10, autoArchiveInterval: 7 * 24 * 60, autoDeleteInterval: 395 * 24 * 60 },
    ...{ networkBlockAll: true, networkAllowList: null },
  });
  expect(sandbox).toMatchObject({
    provider: "daytona",
    gateway: "public-url",
    paths: { home: "/home/user", workspace: "/workspace", repo: "/workspace/repo", tmp: "/workspace/tmp" },
  });
});

test("a stopped machine is connected to with its files, its memory is gone", async (context) => {
  const { daytona, provider, sandbox, sh } = await daytonaMachine(context);
  await sh("echo kept >$HOME/note; echo kept >/workspace/note");
  await sandbox.pause();
  expect(daytona.machines()).toMatchObject([{ state: "stopped" }]);
  expect(daytona.processes(sandbox.id)).toEqual([]);
  await expect(sh("true")).rejects.toMatchObject({ fault: "transient", message: /is stopped/ });
  expect(await provider.pauseById(sandbox.id)).toBe(false);
  const again = await daytonaProvider(daytona).connect(sandbox.id, { ...lease, timeoutMs: 90_000 });
  expect(daytona.machines()).toMatchObject([{ state: "started", autoStopInterval: 2 }]);
  const { stdoutTail } = await again.exec({
    argv: ["cat", "/home/user/note", "/workspace/note"],
    timeoutMs: 20_000,
  });
  expect(stdoutTail).toBe("kept\nkept\n");
  expect(await provider.pauseById(sandbox.id)).toBe(true);
});

test("an archived machine is started; one that is broken or gone is gone", async (context) => {
  const { daytona, provider, sandbox, sh } = await daytonaMachine(context);
  await provider.pauseById(sandbox.id);
  await daytona.setState(sandbox.id, "archived");
  await provider.connect(sandbox.id, lease);
  expect(await sh("true")).toMatchObject({ exitCode: 0 });
  await daytona.setState(sandbox.id, "error");
  await expect(provider.connect(sandbox.id, lease)).rejects.toMatchObject({
    fault: "gone",
    message: /error/,
  });
  await expect(provider.pauseById(sandbox.id)).rejects.toMatchObject({ fault: "gone" });
  expect(await provider.list({})).toMatchObject([{ id: sandbox.id, state: "paused" }]);
  await daytona.loseMachine(sandbox.id);
  await expect(provider.connect(sandbox.id, lease)).rejects.toMatchObject({ fault: "gone" });
  await expect(provider.pauseById(sandbox.id)).rejects.toMatchObject({ fault: "gone" });
  await expect(sh("true")).rejects.toMatchObject({ fault: "gone" });
  await expect(sandbox.readFile("/workspace/x", { maxBytes: 1 })).rejects.toMatchObject({ fault: "gone" });
  await expect(sandbox.writeFile("/workspace/x", Buffer.alloc(100_000))).rejects.toMatchObject({
    fault: "gone",
  });
  await expect(sandbox.extend(60_000)).rejects.toMatchObject({ fault: "gone" });
  expect(await provider.killById(sandbox.id)).toBe(false);
});

test("a machine that is broken gives its name to a new one", async (context) => {
  const { daytona, provider, sandbox } = await daytonaMachine(context);
  await daytona.setState(sandbox.id, "error");
  const next = await provider.create(spec);
  expect(next.id).not.toBe(sandbox.id);
  expect(daytona.machines()).toHaveLength(1);
});

test("killing ends what runs, and is said once", async (context) => {
  const { daytona, provider, sandbox } = await daytonaMachine(context);
  expect(await daytonaProvider(daytona).killById(sandbox.id)).toBe(true);
  expect(daytona.machines()).toEqual([]);
  expect(await provider.killById(sandbox.id)).toBe(false);
  await sandbox.kill();
});

test("machines are found by their labels over all pages", async (context) => {
  const { daytona, provider } = await daytonaStage(context, { standin: { pageSize: 2 } });
  const made = [];
  for (const fence of ["1", "2", "3"]) {
    made.push(await provider.create({ ...lease, metadata: { app: "a", session: "s", fence } }));
  }
  await provider.create({ ...lease, metadata: { app: "b", session: "s", fence: "1" } });
  await made[1]?.pause();
  const found = await provider.list({ app: "a" });
  expect(found.map(({ id }) => id)).toEqual(made.map(({ id }) => id));
  expect(found.map(({ state }) => state)).toEqual(["running", "paused", "running"]);
  expect(found[0]?.metadata).toEqual({ app: "a", session: "s", fence: "1" });
  expect(Math.abs((found[0]?.startedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(await provider.list({ app: "a", fence: "3" })).toHaveLength(1);
  expect(await provider.list({ app: "c" })).toEqual([]);
  expect(daytona.calls.filter(({ path }) => path.includes("cursor="))).not.toEqual([]);
});

test("a machine nobody calls stops after its lease, and an extended one does not", async (context) => {
  let now = Date.now();
  const { daytona, sandbox, sh } = await daytonaMachine(context, { standin: { clock: () => new Date(now) } });
  const minutes = async (count: number) => {
    now += count * 60_000;
    await daytona.stopIdle();
    return daytona.machines()[0]?.state;
  };
  expect(await minutes(9)).toBe("started");
  await sandbox.extend(5 * 60_000);
  expect(await minutes(9)).toBe("started");
  expect(daytona.machines()[0]?.autoStopInterval).toBe(10);
  await sandbox.extend(20 * 60_000);
  expect(await minutes(19)).toBe("started");
  await sh("true");
  expect(await minutes(19)).toBe("started");
  expect(await minutes(2)).toBe("stopped");
});

test.for<FaultRule["do"] | "exists">(["reset", { status: 500 }, { status: 503 }, "exists"])(
  "a create whose answer is lost (%j) makes one machine",
  async (how, context) => {
    const { daytona, provider, lines } = await daytonaStage(context);
    if (how === "exists") {
      // Another worker makes it between our look-up and our create.
      daytona.fault({
        method: "GET",
        path: /\/api\/sandbox\/remote-claude-/,
        when: "before",
        do: { status: 404 },
      });
      await daytonaProvider(daytona).create(spec);
      daytona.fault({
        method: "GET",
        path: /\/api\/sandbox\/remote-claude-/,
        when: "before",
        do: { status: 404 },
      });
    } else {
      daytona.fault({ ...creates, when: "after", do: how });
    }
    const sandbox = await provider.create(spec);
    expect(daytona.machines().map(({ id }) => id)).toEqual([sandbox.id]);
    expect(await sandbox.exec({ argv: ["true"], timeoutMs: 20_000 })).toMatchObject({ exitCode: 0 });
    expect(lines.join()).toContain("is there and is taken");
  },
);

test("a second create of the same session and fence takes the machine that is there, with the new lease", async (context) => {
  const { daytona, provider, sandbox } = await daytonaMachine(context);
  await sandbox.pause();
  const again = await provider.create({ ...spec, timeoutMs: 60_000, egress: ["127.0.0.1"] });
  expect(again.id).toBe(sandbox.id);
  expect(daytona.machines()).toMatchObject([{ autoStopInterval: 1, networkAllowList: "127.0.0.1/32" }]);
  const other = await provider.create({ ...spec, metadata: { ...metadata, fence: "2" } });
  expect(other.id).not.toBe(sandbox.id);
});

test("a machine of ours that does not work is not left behind", async (context) => {
  const { daytona, provider } = await daytonaStage(context);
  const noNode = { exitCode: 127, result: "bash: line 1: exec: node: not found\n" };
  daytona.fault({ path: /process\/execute/, when: "before", do: { status: 200, body: noNode } });
  await expect(provider.create(spec)).rejects.toMatchObject({ fault: "auth", message: /Node\.js/ });
  expect(daytona.machines()).toEqual([]);
});

type Doing = (provider: SandboxProvider, id: string) => Promise<unknown>;
const doings: Record<string, Doing> = {
  connect: (provider, id) => provider.connect(id, lease),
  list: (provider) => provider.list({}),
  pause: (provider, id) => provider.pauseById(id),
  kill: (provider, id) => provider.killById(id),
};

test("faults that pass are waited out where a call may be repeated", async (context) => {
  const { daytona, provider, sandbox } = await daytonaMachine(context);
  const api = /\/api\//;
  const passing: FaultRule["do"][] = [
    "reset",
    { status: 500 },
    { status: 502 },
    { status: 503 },
    { status: 504 },
  ];
  passing.push({ status: 429, headers: { "retry-after": "0" } });
  for (const when of ["before", "after"] as const) {
    for (const how of passing) {
      for (const act of [doings["connect"], doings["list"], doings["pause"]]) {
        daytona.fault({ path: api, when, do: how });
        await act?.(provider, sandbox.id);
      }
    }
  }
  daytona.fault({ path: api, when: "after", method: "DELETE", do: "reset" });
  expect(await provider.killById(sandbox.id)).toBe(true);
});

test("faults that stay are named for what they are", async (context) => {
  const { daytona, provider, sandbox } = await daytonaMachine(context, {
    provider: { patience: { withinMs: 500, pollMs: 20 } },
  });
  const table: [number, SandboxFault][] = [
    [401, "auth"],
    [403, "auth"],
    [429, "busy"],
    [500, "transient"],
    [503, "transient"],
  ];
  for (const [status, fault] of table) {
    for (const [name, act] of Object.entries(doings)) {
      const headers = { "retry-after": "0" };
      const times = 3;
      daytona.fault({ path: /\/api\//, when: "before", times, do: { status, headers } });
      await expect(act(provider, sandbox.id), `${name} at ${status}`).rejects.toMatchObject({ fault });
      // What was not used up (an auth fault is not repeated) must not meet the next one.
      while (daytona.calls.filter((call) => call.status === status).length % times !== 0)
        await provider.list({}).catch(() => null);
    }
  }
  const created = { ...spec, metadata: { ...metadata, fence: "9" } };
  daytona.fault({ ...creates, when: "before", do: { status: 429 } });
  await expect(provider.create(created)).rejects.toMatchObject({ fault: "busy" });
  daytona.fault({ ...creates, when: "before", do: { status: 400 } });
  await expect(provider.create(created)).rejects.toMatchObject({ fault: "busy" });
  daytona.fault({ ...creates, when: "before", do: { status: 403 } });
  await expect(provider.create(created)).rejects.toMatchObject({ fault: "auth" });
  expect(daytona.machines()).toHaveLength(1);
});

test("a state change of somebody else is waited out", async (context) => {
  const { daytona, provider, sandbox } = await daytonaMachine(context);
  await provider.pauseById(sandbox.id);
  daytona.fault({ path: /\/start$/, when: "before", do: { status: 409 }, times: 2 });
  daytona.fault({ path: /\/start$/, when: "after", do: { status: 400 } });
  await provider.connect(sandbox.id, lease);
  daytona.fault({ path: /\/stop/, when: "before", do: { status: 409 } });
  expect(await provider.pauseById(sandbox.id)).toBe(true);
  daytona.fault({ path: /\/start$/, when: "before", do: { status: 400 }, times: 5 });
  await expect(provider.connect(sandbox.id, lease)).rejects.toMatchObject({ fault: "busy" });
});

test("another machine than the asked one is none", async (context) => {
  const { daytona, provider, sandbox } = await daytonaMachine(context);
  // The API finds by name as well as by id.
  const [name] = daytona.machines().map((machine) => machine.name);
  await expect(provider.connect(name ?? "", lease)).rejects.toMatchObject({
    fault: "gone",
    message: /answered/,
  });
  await expect(provider.killById(name ?? "")).rejects.toMatchObject({ fault: "gone" });
  expect(daytona.machines()).toMatchObject([{ id: sandbox.id }]);
});

test("a wrong key says which one it is and where to get one", async (context) => {
  const { daytona } = await daytonaStage(context);
  const provider = daytonaProvider({ ...daytona, apiKey: "dtn_wrong" });
  await expect(provider.probe()).rejects.toMatchObject({
    ...{ name: "UserError", code: "daytona-key", message: /DAYTONA_API_KEY/ },
    remedy: /https:\/\/app\.daytona\.io\/dashboard\/keys/,
  });
  await expect(provider.create(spec)).rejects.toMatchObject({
    fault: "auth",
    message: /DAYTONA_API_KEY.*https:\/\/app\.daytona\.io\/dashboard\/keys/,
  });
});

test("a snapshot that is not there says so at the boot and at a create", async (context) => {
  const { daytona } = await daytonaStage(context);
  expect(await daytonaProvider(daytona).probe()).toMatchObject({ kind: "vm", detail: /remote-claude/ });
  const provider = daytonaProvider({ ...daytona, snapshot: "other" });
  await expect(provider.probe()).rejects.toMatchObject({
    code: "daytona-snapshot",
    remedy: /DAYTONA_SNAPSHOT/,
  });
  await expect(provider.create(spec)).rejects.toMatchObject({ fault: "auth", message: /snapshot other/ });
});

test("an API that cannot be reached is transient", async (context) => {
  const { daytona } = await daytonaStage(context);
  const provider = daytonaProvider({ ...daytona, apiUrl: "http://127.0.0.1:9/api" });
  await expect(provider.connect("x", lease)).rejects.toMatchObject({ fault: "transient" });
});

test("machines outlast a restart of Daytona, with files changed behind our back", async (context) => {
  const { daytona, provider, sandbox, sh } = await daytonaMachine(context);
  await sh("echo one >/workspace/note");
  await provider.pauseById(sandbox.id);
  await daytona.restart();
  await writeFile(daytona.hostPath(sandbox.id, "/workspace/note"), "two\n");
  const again = await provider.connect(sandbox.id, lease);
  const note = await again.readFile("/workspace/note", { maxBytes: 10 });
  expect(Buffer.from(note ?? []).toString("utf8")).toBe("two\n");
});
