import { spawnSync } from "node:child_process";
import { E2B } from "e2b";
import { describe, expect, test } from "vitest";
import type { E2bStandin } from "../standins/e2b/start-e2b.ts";
import { UserError } from "../../src/errors.ts";
import { withVibeKit } from "../../src/sandbox/vibekit.ts";
import { untilTrue } from "../support/until-true.ts";
import { e2bMachine, e2bWorld, lease, metadata, shellOf, spec } from "./e2b-fixture.ts";

const minuteMs = 60_000;
const to = (e2b: E2bStandin, method: string, path: RegExp) =>
  e2b.calls.filter((call) => call.method === method && path.test(call.path));

describe("making a machine", () => {
  test("it has our metadata, a deny-all network plus the list, and pauses without its memory if nobody does", async () => {
    const { e2b, sandbox } = await e2bMachine();
    expect(sandbox).toMatchObject({
      provider: "e2b",
      gateway: "public-url",
      paths: { repo: "/workspace/repo" },
    });
    expect(e2b.machines()).toMatchObject([
      {
        ...{ id: sandbox.id, metadata, state: "running", template: e2b.template },
        network: { allowOut: ["gateway.example.org"], denyOut: ["0.0.0.0/0"], allowPublicTraffic: false },
      },
    ]);
  });

  test.each(["reset", { status: 500 }, { status: 502 }] as const)(
    "an answer that is lost (%j) makes no second one",
    async (answer) => {
      const { e2b, provider } = await e2bWorld();
      e2b.fault({ method: "POST", path: /^\/v2\/sandboxes$/, when: "after", do: answer });
      const sandbox = await provider.create(spec);
      expect(e2b.machines().map(({ id }) => id)).toEqual([sandbox.id]);
      expect(to(e2b, "POST", /^\/v2\/sandboxes$/)).toHaveLength(1);
      expect(await shellOf(sandbox)("echo works")).toMatchObject({ stdoutTail: "works\n" });
    },
  );

  test("an answer that a dead worker never heard is found by the next try of the same claim, not of another", async () => {
    const { e2b, another } = await e2bWorld();
    const first = await another().create(spec);
    const same = await another().create(spec);
    expect(same.id).toBe(first.id);
    const later = await another().create({ ...spec, metadata: { ...metadata, fence: "2" } });
    expect(later.id).not.toBe(first.id);
    expect(e2b.machines()).toHaveLength(2);
  });

  test("two at once for one claim are one, two claims are two", async () => {
    const { e2b, provider } = await e2bWorld();
    const other = { ...spec, metadata: { ...metadata, session: "session-2" } };
    const [a, b, c] = await Promise.all([
      provider.create(spec),
      provider.create(spec),
      provider.create(other),
    ]);
    expect(a.id).toBe(b.id);
    expect(c.id).not.toBe(a.id);
    expect(e2b.machines()).toHaveLength(2);
  });

  test("two machines of one claim become one", async () => {
    const { e2b, another } = await e2bWorld();
    const [a, b] = await Promise.all([another().create(spec), another().create(spec)]);
    expect(e2b.machines()).toHaveLength(2);
    const found = await another().create(spec);
    expect([a.id, b.id]).toContain(found.id);
    expect(e2b.machines().map(({ id }) => id)).toEqual([found.id]);
  });

  test.each([
    [{ status: 503 }, "busy"],
    [{ status: 429 }, "busy"],
    [{ status: 500 }, "transient"],
    ["reset", "transient"],
    [{ status: 403 }, "auth"],
    [{ status: 400 }, "refused"],
  ] as const)("a create that fails with %j is not repeated, its fault is %s", async (answer, fault) => {
    const { e2b, provider } = await e2bWorld();
    e2b.fault({ method: "POST", path: /^\/v2\/sandboxes$/, when: "before", do: answer });
    await expect(provider.create(spec)).rejects.toMatchObject({ name: "SandboxError", fault });
    expect(to(e2b, "POST", /^\/v2\/sandboxes$/)).toHaveLength(1);
    expect(e2b.machines()).toEqual([]);
  });

  test("a 429 that says when is waited for", async () => {
    const { e2b, provider } = await e2bWorld();
    e2b.fault({
      ...{ method: "POST", path: /^\/v2\/sandboxes$/, when: "before" },
      do: { status: 429, headers: { "retry-after": "1" } },
    });
    const since = Date.now();
    await provider.create(spec);
    expect(Date.now() - since).toBeGreaterThanOrEqual(1_000);
    expect(e2b.machines()).toHaveLength(1);
  });

  test("an unknown template is told with what builds it", async () => {
    const { provider } = await e2bWorld({ provider: { config: { template: "nowhere" } } });
    const error = await provider.create(spec).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      code: "e2b-template",
      message: expect.stringContaining("E2B_TEMPLATE") as string,
    });
    expect((error as UserError).remedy).toContain("npm run e2b:template");
  });

  test("the template is looked into once, and a machine of a bad one does not stay", async () => {
    const bad = await e2bWorld({ standin: { toolPaths: ["/nonexistent"] } });
    await expect(bad.provider.create(spec)).rejects.toMatchObject({ code: "sandbox-template" });
    expect(bad.e2b.machines()).toEqual([]);
    const { e2b, provider } = await e2bWorld();
    await provider.create(spec);
    const before = to(e2b, "POST", /Process\/Start/).length;
    await provider.create({ ...spec, metadata: { ...metadata, fence: "2" } });
    expect(to(e2b, "POST", /Process\/Start/).length).toBe(before);
  });
});

describe("coming back to a machine", () => {
  test("its files are there, its processes are not, its network is the lease's and nothing else", async () => {
    const { e2b, another, sandbox, sh } = await e2bMachine();
    await sh("echo kept > note; echo kept > $HOME/note");
    await sandbox.pause();
    expect(e2b.machines()).toMatchObject([{ state: "paused" }]);
    const again = await another().connect(sandbox.id, {
      timeoutMs: minuteMs,
      egress: ["*.npmjs.org", "10.0.0.1"],
    });
    expect(again.id).toBe(sandbox.id);
    expect(await shellOf(again)("cat note ~/note")).toMatchObject({ stdoutTail: "kept\nkept\n" });
    expect(e2b.machines()[0]?.network).toMatchObject({
      ...{ allowOut: ["*.npmjs.org", "10.0.0.1"], denyOut: ["0.0.0.0/0"], allowPublicTraffic: false },
    });
    await another().connect(sandbox.id, { timeoutMs: minuteMs, egress: [] });
    expect(e2b.machines()[0]?.network).toMatchObject({ allowOut: [], denyOut: ["0.0.0.0/0"] });
  });

  test("one that is gone, or goes on under another id, is gone", async () => {
    const { e2b, provider, sandbox } = await e2bMachine();
    await expect(provider.connect("i0123456789abcdefghi", lease)).rejects.toMatchObject({ fault: "gone" });
    await sandbox.pause();
    e2b.answerOtherIdOnConnect();
    await expect(provider.connect(sandbox.id, lease)).rejects.toMatchObject({ fault: "gone" });
    await expect(shellOf(sandbox)("true")).rejects.toMatchObject({ fault: "gone" });
    await expect(provider.connect("../etc", lease)).rejects.toMatchObject({ name: "SandboxError" });
  });

  test("a resume that answers 500 is transient, once it has been tried again; then it works", async () => {
    const { e2b, provider, sandbox } = await e2bMachine();
    await sandbox.pause();
    e2b.fault({ path: /\/connect$/, when: "before", do: { status: 500 }, times: 4 });
    await expect(provider.connect(sandbox.id, lease)).rejects.toMatchObject({ fault: "transient" });
    e2b.fault({ path: /\/connect$/, when: "after", do: "reset" });
    e2b.fault({ path: /\/network$/, when: "after", do: "reset" });
    e2b.fault({ method: "GET", path: /^\/sandboxes\//, when: "before", do: { status: 503 } });
    expect(await shellOf(await provider.connect(sandbox.id, lease))("echo on")).toMatchObject({
      stdoutTail: "on\n",
    });
  });

  test("a server that does not answer is given up", async () => {
    const { e2b, another } = await e2bWorld();
    e2b.fault({ path: /sandboxes/, when: "before", do: "hang", times: 4 });
    await expect(another({ timings: { requestMs: 200 } }).connect("x", lease)).rejects.toMatchObject({
      fault: "transient",
    });
  });
});

describe("pausing and ending", () => {
  test("a pause drops the memory and is true once", async () => {
    const { e2b, provider, sandbox, sh } = await e2bMachine();
    let ready = false;
    const running = sh("echo ready; sleep 600", { onStdout: () => (ready = true) });
    running.catch(() => undefined);
    await untilTrue(() => ready);
    expect(await provider.pauseById(sandbox.id)).toBe(true);
    expect(e2b.processes(sandbox.id)).toEqual([]);
    await expect(running).rejects.toMatchObject({ fault: "transient" });
    expect(await provider.pauseById(sandbox.id)).toBe(false);
    await sandbox.pause();
    await expect(provider.pauseById("i0123456789abcdefghi")).rejects.toMatchObject({ fault: "gone" });
  });

  test("a pause that E2B only claims is asked for until the state says so", async () => {
    const { e2b, provider, sandbox } = await e2bMachine();
    e2b.fault({ path: /\/pause$/, when: "before", do: { status: 204 }, times: 2 });
    expect(await provider.pauseById(sandbox.id)).toBe(true);
    expect(e2b.machines()).toMatchObject([{ state: "paused" }]);
    await provider.connect(sandbox.id, lease);
    e2b.fault({ path: /\/pause$/, when: "before", do: { status: 204 }, times: 50 });
    await expect(provider.pauseById(sandbox.id)).rejects.toMatchObject({ fault: "transient" });
  });

  test("a pause or an end whose answer was lost is ours", async () => {
    const { e2b, provider, sandbox } = await e2bMachine();
    e2b.fault({ path: /\/pause$/, when: "after", do: "reset" });
    expect(await provider.pauseById(sandbox.id)).toBe(true);
    e2b.fault({ method: "DELETE", path: /./, when: "after", do: "reset" });
    expect(await provider.killById(sandbox.id)).toBe(true);
    expect(e2b.machines()).toEqual([]);
    expect(await provider.killById(sandbox.id)).toBe(false);
    await sandbox.kill();
  });

  test("an end that E2B only claims is asked for until the machine is unknown", async () => {
    const { e2b, provider, sandbox } = await e2bMachine();
    e2b.fault({ method: "DELETE", path: /./, when: "before", do: { status: 204 } });
    expect(await provider.killById(sandbox.id)).toBe(true);
    expect(e2b.machines()).toEqual([]);
  });
});

describe("the plan's longest run", () => {
  const setClock = () => {
    let now = Date.parse("2030-01-01T00:00:00Z");
    return { clock: { now: () => new Date(now) }, pass: (ms: number) => void (now += ms) };
  };
  const machine = async (options: { skewMs?: number } = {}) => {
    const { clock, pass } = setClock();
    const world = await e2bWorld({ standin: { clock: clock.now }, provider: { clock } });
    world.e2b.planCapMs = 60 * minuteMs;
    world.e2b.skewClock(options.skewMs ?? 0);
    const sandbox = await world.provider.create({ ...spec, timeoutMs: 40 * minuteMs });
    const ends = () => world.e2b.machines()[0]?.endAt.getTime() ?? 0;
    const leftMs = () => ends() - clock.now().getTime() - (options.skewMs ?? 0);
    return { ...world, pass, sandbox, leftMs };
  };
  const pauses = (e2b: E2bStandin) => to(e2b, "POST", /\/pause$/).length;

  test("a lease that is longer is refused in words, before anything is asked for", async () => {
    const { e2b, provider } = await e2bWorld();
    const long = { ...spec, timeoutMs: 61 * minuteMs };
    for (const call of [provider.create(long), provider.connect("x", long)]) {
      const error = await call.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UserError);
      const words = `${(error as UserError).message} ${(error as UserError).remedy}`;
      expect(words).toContain("E2B_MAX_RUN_MINUTES");
      expect(words).toContain("TASK_TIMEOUT_MINUTES");
    }
    expect(e2b.calls).toEqual([]);
  });

  test.each([0, 3 * 3_600_000, -3 * 3_600_000])(
    "a running machine with too little left is paused and resumed first, whatever E2B's clock says (%i ms off)",
    async (skewMs) => {
      const { e2b, another, sandbox, pass, leftMs } = await machine({ skewMs });
      pass(15 * minuteMs);
      await another().connect(sandbox.id, { ...lease, timeoutMs: 40 * minuteMs });
      expect(pauses(e2b)).toBe(0);
      expect(leftMs()).toBe(40 * minuteMs);
      pass(15 * minuteMs);
      await another().connect(sandbox.id, { ...lease, timeoutMs: 40 * minuteMs });
      expect(pauses(e2b)).toBe(1);
      expect(leftMs()).toBe(40 * minuteMs);
    },
  );

  test("a lease as long as the plan allows is possible, on a fresh run", async () => {
    const { e2b, another, sandbox, pass, leftMs } = await machine();
    pass(minuteMs);
    await another().connect(sandbox.id, { ...lease, timeoutMs: 60 * minuteMs });
    expect(pauses(e2b)).toBe(1);
    expect(leftMs()).toBe(60 * minuteMs);
  });

  test("time is extended, never shortened, and not past the plan while a command runs", async () => {
    const { e2b, sandbox, pass, leftMs } = await machine();
    await sandbox.extend(minuteMs);
    expect(leftMs()).toBe(40 * minuteMs);
    pass(10 * minuteMs);
    await sandbox.extend(45 * minuteMs);
    expect(leftMs()).toBe(45 * minuteMs);
    pass(10 * minuteMs);
    const stop = new AbortController();
    const running = shellOf(sandbox)("echo ready; sleep 600", {
      ...{ timeoutMs: 10 * minuteMs, signal: stop.signal },
    });
    await expect(sandbox.extend(45 * minuteMs)).rejects.toMatchObject({ fault: "refused" });
    stop.abort();
    await running;
    await sandbox.extend(45 * minuteMs);
    expect(pauses(e2b)).toBe(1);
    expect(leftMs()).toBe(45 * minuteMs);
    expect(await shellOf(sandbox)("echo on")).toMatchObject({ stdoutTail: "on\n" });
    expect(e2b.machines()[0]?.network.allowOut).toEqual(lease.egress);
    await expect(sandbox.extend(61 * minuteMs)).rejects.toThrow(UserError);
  });
});

describe("finding machines", () => {
  test("by metadata, over all pages and states, and only ours", async () => {
    const { e2b, provider } = await e2bWorld();
    await provider.create(spec);
    const client = new E2B({ apiKey: e2b.apiKey, apiUrl: e2b.apiUrl, sandboxUrl: e2b.sandboxUrl });
    // More than one of E2B's pages.
    for (let n = 0; n < 103; n += 1) {
      const names = n === 0 ? {} : { app: n % 2 === 0 ? "test" : "other", session: `s ${n} &=%`, fence: "1" };
      await client.Sandbox.create(e2b.template, { metadata: names });
    }
    const all = await provider.list({});
    expect(all).toHaveLength(103);
    expect(new Set(all.map(({ id }) => id)).size).toBe(103);
    const ours = await provider.list({ app: "test" });
    expect(ours).toHaveLength(52);
    const [one] = await provider.list({ session: "s 2 &=%" });
    expect(one).toMatchObject({
      metadata: { app: "test", session: "s 2 &=%", fence: "1" },
      state: "running",
    });
    expect(one?.startedAt).toBeInstanceOf(Date);
    await provider.pauseById(one?.id ?? "");
    expect(await provider.list({ session: "s 2 &=%" })).toMatchObject([{ state: "paused" }]);
    expect(await provider.list({ session: "nobody's" })).toEqual([]);
  });

  test("a page that fails is asked for again", async () => {
    const { e2b, provider, sandbox } = await e2bMachine();
    e2b.fault({ method: "GET", path: /^\/v2\/sandboxes/, when: "after", do: "reset" });
    e2b.fault({ method: "GET", path: /^\/v2\/sandboxes/, when: "before", do: { status: 502 } });
    expect(await provider.list({ app: "test" })).toMatchObject([{ id: sandbox.id }]);
  });
});

describe("the key", () => {
  test("the probe asks for a list and makes nothing", async () => {
    const { e2b, provider } = await e2bWorld();
    expect(await provider.probe()).toMatchObject({ kind: "vm" });
    expect(e2b.calls.map(({ method }) => method)).toEqual(["GET"]);
    expect(e2b.machines()).toEqual([]);
  });

  test("a wrong one is told with the variable and the place where keys are made", async () => {
    const { provider } = await e2bWorld({ provider: { config: { apiKey: `e2b_${"f".repeat(40)}` } } });
    const probed = await provider.probe().catch((thrown: unknown) => thrown);
    expect(probed).toBeInstanceOf(UserError);
    expect(`${(probed as UserError).message} ${(probed as UserError).remedy}`).toMatch(
      /E2B_API_KEY.*https:\/\/e2b\.dev/s,
    );
    const created = provider.create(spec);
    await expect(created).rejects.toMatchObject({
      fault: "auth",
      message: expect.stringContaining("E2B_API_KEY") as string,
    });
  });
});

test("a machine behind VibeKit's SDK: made, used, paused, found again, ended", async () => {
  const world = await e2bWorld();
  const provider = withVibeKit(world.provider);
  const sandbox = await provider.create(spec);
  await shellOf(sandbox)("echo kept > note");
  await sandbox.pause();
  expect(await provider.list({ session: metadata.session })).toMatchObject([
    { id: sandbox.id, state: "paused" },
  ]);
  const again = await provider.connect(sandbox.id, lease);
  expect(await shellOf(again)("cat note")).toMatchObject({ exitCode: 0, stdoutTail: "kept\n" });
  await again.kill();
  await expect(provider.connect(sandbox.id, lease)).rejects.toMatchObject({ fault: "gone" });
});

test("the client is loaded with the first call, not with the module", () => {
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { if (/node_modules\\/(e2b|undici|@connectrpc)/.test(url)) console.log(url); return next(url, context); } });
    const { createE2bProvider } = await import(${JSON.stringify(new URL("../../src/sandbox/e2b.ts", import.meta.url).href)});
    createE2bProvider({ config: {}, log: {} });`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
});
