import { expect, test } from "vitest";
import { chargePolicy, whoPays, type LegEnd } from "../../src/billing/who-pays.ts";
import type { Outcome } from "../../src/tasks/outcome.ts";

const error = (code: string, fault: "platform" | "operator" | "model" | "user"): LegEnd => ({
  kind: "error",
  ...{ code, fault },
});

test.each<[LegEnd, keyof typeof chargePolicy, boolean]>([
  [{ kind: "published" }, "done", true],
  [{ kind: "no-changes" }, "done", true],
  [{ kind: "rebased" }, "done", true],
  [{ kind: "up-to-date" }, "done", true],
  [{ kind: "reviewed" }, "done", true],
  [{ kind: "undone" }, "done", true],
  [{ kind: "answered" }, "done", true],
  [{ kind: "left-out" }, "done", true],
  [{ kind: "waiting" }, "done", true],
  [{ kind: "cancelled" }, "cancelled", true],
  [{ kind: "timeout" }, "cap-reached", true],
  [{ kind: "budget" }, "cap-reached", true],
  [error("max-turns", "user"), "cap-reached", true],
  [error("setup-failed", "user"), "repository-fault", true],
  [error("internal", "platform"), "platform-fault", false],
  [error("setback", "platform"), "platform-fault", false],
  [error("agent-crashed", "platform"), "goodwill", false],
  [error("model-401", "operator"), "platform-fault", false],
  [error("model-529", "model"), "provider-fault", false],
  [error("model-unreachable", "model"), "provider-fault", false],
])("%j: %s", (end, reason, charged) => {
  expect(whoPays(end)).toMatchObject({ reason, charged });
  expect(whoPays(end)).toBe(chargePolicy[reason]);
});

test("every way in which a task ends has an answer, by its type", () => {
  const ofOutcome = (outcome: Outcome) => whoPays(outcome);
  expect(ofOutcome({ kind: "cancelled", by: "mona" }).charged).toBe(true);
});

test("what nobody knows is free", () => {
  expect(whoPays({ kind: "evaporated" } as unknown as LegEnd)).toBe(chargePolicy.goodwill);
  expect(whoPays(error("x", "aliens" as "user"))).toBe(chargePolicy.goodwill);
});
