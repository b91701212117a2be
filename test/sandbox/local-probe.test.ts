import { expect, test } from "vitest";
import type { LocalHost } from "../../src/sandbox/local-host.ts";
import { probeIsolation } from "../../src/sandbox/local-probe.ts";
import { type ExecResult, SandboxError } from "../../src/sandbox/sandbox.ts";

const host: LocalHost = {
  isolation: "bwrap",
  tools: { bwrap: "/usr/bin/bwrap", socat: "/usr/bin/socat", prlimit: null, setpriv: null },
  bwrap: { systemFolders: [], etcPaths: [], ownFiles: [], binaries: [] },
  cgroups: null,
  path: "/usr/bin",
};

const ended: ExecResult = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  aborted: false,
  stdoutTail: "",
  stderrTail: "",
};

const never = () => Promise.reject(new Error("nothing was to be started"));

test("an isolated command that ran is the proof", async () => {
  expect(await probeIsolation(host, () => Promise.resolve(ended))).toMatchObject({ kind: "bwrap" });
});

test.each([
  [{ bwrap: null }, "bubblewrap not installed", "apt-get install bubblewrap."],
  [{ socat: null }, "socat not installed", "apt-get install socat."],
  [{ bwrap: null, socat: null }, "bubblewrap and socat not installed", "apt-get install bubblewrap socat."],
])("what is not installed is named with the command that mends it: %j", async (tools, cause, remedy) => {
  const probing = probeIsolation({ ...host, tools: { ...host.tools, ...tools } }, never);
  const error = await probing.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "UserError", code: "sandbox-unavailable" });
  expect((error as Error).message).toContain(cause);
  expect((error as { remedy: string }).remedy).toBe(
    `Run ${remedy} Refusing to run agent commands unsandboxed; set SANDBOX_LOCAL_ISOLATION=none to accept that risk.`,
  );
});

test.each([
  [
    "did not start",
    () => Promise.reject(new SandboxError("transient", "setting up uid map: Operation not permitted")),
  ],
  [
    "failed",
    () =>
      Promise.resolve({ ...ended, exitCode: 1, stderrTail: "setting up uid map: Operation not permitted" }),
  ],
])("a command that %s is a refusal, with what bubblewrap said", async (_, run) => {
  const error = await probeIsolation(host, run).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "UserError", code: "sandbox-unavailable" });
  expect(`${(error as Error).message} ${String((error as Error).cause)}`).toContain("setting up uid map");
  expect((error as { remedy: string }).remedy).toContain("Refusing to run agent commands unsandboxed");
});

test("a fault of ours is no refusal", async () => {
  await expect(probeIsolation(host, () => Promise.reject(new TypeError("ours")))).rejects.toThrow(TypeError);
});

test("no isolation is said, and nothing is started", async () => {
  expect(await probeIsolation({ ...host, isolation: "none" }, never)).toMatchObject({ kind: "none" });
});
