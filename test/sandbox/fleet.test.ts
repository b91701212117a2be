import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TransientError, UserError } from "../../src/errors.ts";
import { createFleet, type SandboxFleet } from "../../src/sandbox/fleet.ts";
import { SandboxError, type SandboxFault } from "../../src/sandbox/sandbox.ts";
import { withVibeKit } from "../../src/sandbox/vibekit.ts";
import { localMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { recordedProvider, type RecordedProvider } from "../support/recorded-provider.ts";

const lease = { timeoutMs: 60_000, egress: [] };
const spec = { ...lease, metadata: { app: "remote-claude", session: "s1", fence: "1" } };

let first: RecordedProvider;
let second: RecordedProvider;
let fleet: SandboxFleet;
let logged: Record<string, unknown>[];

beforeEach(() => {
  // The breaker's library reads the clock itself; timers stay real.
  vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-11-22T10:00:00Z") });
  first = recordedProvider("first");
  second = recordedProvider("second");
  logged = [];
  fleet = fleetOf(first, second);
});
afterEach(() => {
  vi.useRealTimers();
});

function fleetOf(...providers: RecordedProvider[]): SandboxFleet {
  const keep = (line: object) => void logged.push(line as Record<string, unknown>);
  return createFleet({
    providers,
    clock: { now: () => new Date() },
    log: { info: keep, warn: keep },
    breaker: { faults: 3, firstPauseMs: 10_000, maxPauseMs: 60_000, answerWithinMs: 50_000 },
  });
}

const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
const fault = (kind: SandboxFault, message = `it is ${kind}`) => new SandboxError(kind, message);
const createdAt = (provider: RecordedProvider) => provider.calls.filter((call) => call.startsWith("create"));

async function rejection(promise: Promise<unknown>): Promise<Error> {
  const thrown: unknown = await promise.then(
    () => new Error("it resolved"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof Error)) throw new Error("expected an Error to be thrown");
  return thrown;
}

describe("create", () => {
  test("takes the first provider that can", async () => {
    expect(await fleet.create(spec)).toMatchObject({ provider: "first" });
    expect(second.calls).toEqual([]);
  });

  test.each(["busy", "transient", "auth", "refused"] as const)("moves on when one is %s", async (kind) => {
    first.faults.set("create", fault(kind));
    expect(await fleet.create(spec)).toMatchObject({ provider: "second" });
    expect(logged).toMatchObject([{ provider: "first", sessionId: "s1", err: { fault: kind } }]);
  });

  test("moves on after an error that nobody has classified", async () => {
    first.faults.set("create", new TypeError("fetch failed"));
    expect(await fleet.create(spec)).toMatchObject({ provider: "second" });
  });

  test("says every reason; with keys and refusals only, waiting does not help", async () => {
    first.faults.set("create", fault("auth", "the key is wrong"));
    second.faults.set("create", new UserError("x", "No template.", "Build it."));
    const error = await rejection(fleet.create(spec));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      code: "no-sandbox",
      message: "No sandbox could be opened. first: the key is wrong. second: No template.",
      remedy: "Build it.",
    });
  });

  test("with anything that passes it is tried again, when it makes sense", async () => {
    first.faults.set("create", fault("auth"));
    second.faults.set("create", fault("busy"));
    const soon = await rejection(fleet.create(spec));
    expect(soon).toBeInstanceOf(TransientError);
    expect(soon).toMatchObject({ retryAfterMs: 5_000 });
    expect(soon.message).toContain("first: it is auth. second: it is busy.");
    await rejection(fleet.create(spec));
    await rejection(fleet.create(spec));
    later(4_000);
    expect(await rejection(fleet.create(spec))).toMatchObject({ retryAfterMs: 6_000 });
  });

  test("a mistake of ours is neither the operator's nor a matter of time", async () => {
    first.faults.set("create", new TypeError("x is not a function"));
    second.faults.set("create", fault("auth"));
    const error = await rejection(fleet.create(spec));
    expect(error).not.toBeInstanceOf(UserError);
    expect(error).not.toBeInstanceOf(TransientError);
    expect(error.cause).toMatchObject({ errors: [{ message: "x is not a function" }, { fault: "auth" }] });
  });

  test("a provider that does not answer is passed over", async () => {
    first.gates.set("create", new Promise(() => undefined));
    fleet = createFleet({
      providers: [first, second],
      clock: { now: () => new Date() },
      log: { info: () => undefined, warn: (line: object) => void logged.push(line as never) },
      breaker: { answerWithinMs: 20 },
    });
    expect(await fleet.create(spec)).toMatchObject({ provider: "second" });
    expect(logged).toMatchObject([{ err: { fault: "transient", message: /no answer within 0.02 s/ } }]);
  });
});

describe("the breaker", () => {
  const failThrice = async () => {
    first.faults.set("create", fault("transient", "503"));
    for (let n = 0; n < 3; n++) await fleet.create(spec);
    expect(createdAt(first)).toHaveLength(3);
  };

  test("leaves a provider alone after three faults in a row, and shows it", async () => {
    await failThrice();
    expect(await fleet.create(spec)).toMatchObject({ provider: "second" });
    expect(createdAt(first)).toHaveLength(3);
    expect(fleet.state()).toEqual({
      first: { state: "open", retryAt: new Date("2026-11-22T10:00:10Z"), lastError: "503" },
      second: { state: "closed", retryAt: null, lastError: null },
    });
  });

  test("lets one call through after the pause; a success closes it", async () => {
    await failThrice();
    first.faults.clear();
    later(9_999);
    expect(await fleet.create(spec)).toMatchObject({ provider: "second" });
    later(1);
    expect(await fleet.create(spec)).toMatchObject({ provider: "first" });
    expect(fleet.state().first).toEqual({ state: "closed", retryAt: null, lastError: null });
    expect(logged.at(-1)).toEqual({ provider: "first" });
  });

  test("a trial that fails doubles the pause, up to the longest", async () => {
    await failThrice();
    for (const pauseMs of [10_000, 20_000, 40_000, 60_000, 60_000]) {
      const tries = createdAt(first).length;
      later(pauseMs - 1);
      await fleet.create(spec);
      expect(createdAt(first)).toHaveLength(tries);
      later(1);
      await fleet.create(spec);
      expect(createdAt(first)).toHaveLength(tries + 1);
    }
  });

  test("nobody else waits for the trial", async () => {
    await failThrice();
    later(10_000);
    let open = (): void => undefined;
    first.gates.set("create", new Promise((resolve) => (open = resolve)));
    first.faults.clear();
    const trial = fleet.create(spec);
    await vi.waitUntil(() => createdAt(first).length === 4);
    expect(fleet.state().first?.state).toBe("half-open");
    expect(await fleet.create(spec)).toMatchObject({ provider: "second" });
    open();
    expect(await trial).toMatchObject({ provider: "first" });
  });

  test("counts faults in a row: one that works, or says gone or refused, begins the count anew", async () => {
    first.add("m1", {});
    for (const between of [null, fault("gone"), fault("refused"), new UserError("x", "y", "z")]) {
      for (const kind of ["busy", "transient"] as const) {
        first.faults.set("connect", fault(kind));
        await rejection(fleet.connect({ provider: "first", id: "m1" }, lease));
      }
      if (between === null) first.faults.delete("connect");
      else first.faults.set("connect", between);
      await fleet.connect({ provider: "first", id: "m1" }, lease).catch(() => null);
      expect(fleet.state().first?.state).toBe("closed");
    }
  });
});

describe("connect", () => {
  test("reaches the machine's own provider, and nobody else when it is gone", async () => {
    second.add("m2", {});
    expect(await fleet.connect({ provider: "second", id: "m2" }, lease)).toMatchObject({ id: "m2" });
    await expect(fleet.connect({ provider: "first", id: "m2" }, lease)).rejects.toMatchObject({
      fault: "gone",
    });
    expect(second.calls).toEqual(["connect m2"]);
  });

  test("is refused at once while the provider is left alone, with the fault that it had", async () => {
    first.faults.set("connect", fault("auth", "the key is wrong"));
    for (let n = 0; n < 3; n++) await rejection(fleet.connect({ provider: "first", id: "m" }, lease));
    await expect(fleet.connect({ provider: "first", id: "m" }, lease)).rejects.toMatchObject({
      fault: "auth",
      message: "first is left alone until 2026-11-22T10:00:10.000Z after: the key is wrong",
    });
    expect(first.calls).toHaveLength(3);
  });

  test("of a machine whose provider is not configured any more says nothing about the machine", async () => {
    await expect(fleet.connect({ provider: "third", id: "m" }, lease)).rejects.toMatchObject({
      fault: "auth",
      message: /third, which SANDBOX_PROVIDER no longer names/,
    });
  });
});

describe("by id", () => {
  test("pause and kill reach the provider also while it is left alone", async () => {
    first.add("m1", {});
    first.faults.set("create", fault("transient"));
    for (let n = 0; n < 3; n++) await fleet.create(spec);
    expect(await fleet.pause({ provider: "first", id: "m1" })).toBe(true);
    expect(await fleet.kill({ provider: "first", id: "m1" })).toBe(true);
    expect(await fleet.kill({ provider: "first", id: "m1" })).toBe(false);
  });

  test("an unknown provider is named", async () => {
    await expect(fleet.kill({ provider: "third", id: "m" })).rejects.toMatchObject({
      code: "sandbox-provider-unknown",
      message: /at third/,
    });
  });
});

test("list asks everybody, and names who does not answer", async () => {
  first.add("m1", { session: "s1" });
  first.add("m0", { session: "s0" });
  second.faults.set("list", fault("transient", "502"));
  const { machines, failed } = await fleet.list({ session: "s1" });
  expect(machines).toMatchObject([{ provider: "first", id: "m1" }]);
  expect(failed).toMatchObject([{ provider: "second", error: { message: "502" } }]);
});

describe("probe", () => {
  test("tells the isolation of each", async () => {
    expect(await fleet.probe()).toEqual({
      first: { kind: "vm", detail: "first works" },
      second: { kind: "vm", detail: "second works" },
    });
    expect(fleet.providers).toEqual(["first", "second"]);
  });

  test("one that does not work is warned of and left alone, until it is tried again", async () => {
    first.faults.set("probe", new UserError("e2b-key", "The key is wrong.", "Make one."));
    expect(Object.keys(await fleet.probe())).toEqual(["second"]);
    expect(logged).toMatchObject([{ provider: "first" }, { provider: "first", forMs: 10_000 }]);
    expect(fleet.state().first).toMatchObject({ state: "open", lastError: "The key is wrong." });
    expect(await fleet.create(spec)).toMatchObject({ provider: "second" });
    expect(createdAt(first)).toEqual([]);
    later(10_000);
    expect(await fleet.create(spec)).toMatchObject({ provider: "first" });
  });

  test("when none works the boot is refused: with the only one's own words, or with everybody's", async () => {
    const own = new UserError("e2b-key", "The key is wrong.", "Make one.");
    first.faults.set("probe", own);
    second.faults.set("probe", fault("transient", "connection refused"));
    expect(await rejection(fleetOf(first).probe())).toBe(own);
    expect(await rejection(fleet.probe())).toMatchObject({
      code: "no-sandbox-provider",
      message: expect.stringMatching(/^No sandbox provider works\./) as string,
      remedy: "Make one.",
    });
  });
});

test("a real local machine takes over from a provider that is away", async (context) => {
  await needBwrap(context);
  vi.useRealTimers();
  const { provider: local } = await localMachine();
  first.faults.set("create", fault("transient", "away"));
  const real = createFleet({
    providers: [first, withVibeKit(local)],
    clock: { now: () => new Date() },
    log: { info: () => undefined, warn: () => undefined },
  });
  const sandbox = await real.create(spec);
  expect(sandbox.provider).toBe("local");
  expect(await sandbox.exec({ argv: ["echo", "here"], timeoutMs: 20_000 })).toMatchObject({
    stdoutTail: "here\n",
  });
  const ref = { provider: "local", id: sandbox.id };
  expect(await real.pause(ref)).toBe(true);
  expect((await real.list({ session: "s1" })).machines).toMatchObject([{ ...ref, state: "paused" }]);
  await real.connect(ref, lease);
  expect(await real.kill(ref)).toBe(true);
  await expect(real.connect(ref, lease)).rejects.toMatchObject({ fault: "gone" });
});
