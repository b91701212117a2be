import { expect, test } from "vitest";
import { FencedError, TransientError, UserError } from "../../src/errors.ts";
import { SandboxError, type SandboxFault } from "../../src/sandbox/sandbox.ts";
import {
  OperatorError,
  SetbackError,
  toSandboxFault,
  toServiceFault,
} from "../../src/sessions/session-fault.ts";

const away = { name: "TransientError", kind: "away", what: "the sandbox" };

test.each<[SandboxFault, object]>([
  ["gone", { name: "TransientError", kind: "lost", what: "the sandbox", message: "it broke" }],
  ["busy", away],
  ["transient", away],
  ["auth", { code: "sandbox-auth", message: "It broke.", remedy: expect.stringContaining("keys") as string }],
  ["refused", { code: "sandbox-refused", message: "It broke." }],
])("a machine's fault %s", (fault, expected) => {
  const thrown = new SandboxError(fault, "it broke");
  const said = toSandboxFault(thrown);
  expect(said).toMatchObject(expected);
  expect(said.cause).toBe(thrown);
  expect(said instanceof SetbackError).toBe("kind" in expected);
  expect(said instanceof OperatorError).toBe("code" in expected);
  expect(toServiceFault(thrown, "the sandbox")).toMatchObject(expected);
});

test.each<[string, Error, object | null]>([
  [
    "an outage",
    new TransientError("HTTP 503", { retryAfterMs: 7 }),
    { kind: "away", what: "the storage for checkpoints", retryAfterMs: 7, message: "HTTP 503" },
  ],
  [
    "a setting",
    new UserError("storage-key-refused", "No such key.", "Set it."),
    { code: "storage-key-refused", message: "No such key.", remedy: "Set it." },
  ],
  ["a newer claim", new FencedError("overtaken"), null],
  ["a mistake of ours", new TypeError("undefined is no function"), null],
])("of a service, %s", (_what, thrown, expected) => {
  const said = toServiceFault(thrown, "the storage for checkpoints");
  if (expected === null) expect(said).toBe(thrown);
  else expect(said).toMatchObject(expected);
  expect(toSandboxFault(thrown), "not the sandbox's").toBe(thrown);
});

test("a full disk of a service passes too", () => {
  const thrown = new UserError("storage-full", "No room.", "Make some.");
  const what = "the storage for checkpoints";
  expect(toServiceFault(thrown, what)).toMatchObject({ kind: "away", what, cause: thrown });
});

test.each(["ENOSPC", "EDQUOT"])("%s on the worker's disk passes when others give room back", (code) => {
  const thrown = Object.assign(new Error("no space left on device, write"), { code });
  expect(toSandboxFault(thrown)).toMatchObject({ kind: "away", what: "the worker's disk", cause: thrown });
});

test("what has its meaning keeps it", () => {
  const setback = toSandboxFault(new SandboxError("gone", "it broke"));
  expect(toServiceFault(setback, "the storage for checkpoints")).toBe(setback);
  const operator = new OperatorError("x", "y", "z");
  expect(toServiceFault(operator, "the sandbox")).toBe(operator);
});
