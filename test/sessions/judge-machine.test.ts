import { describe, expect, test } from "vitest";
import { judgeMachine, type MachineFacts } from "../../src/sessions/judge-machine.ts";

const now = new Date("2026-11-22T12:00:00Z");
const ago = (ms: number) => new Date(now.getTime() - ms);
const time = { now, unusedSince: ago(30 * 86_400_000) };
const minute = 60_000;
const day = 86_400_000;

type Change = {
  machine?: Partial<MachineFacts["machine"]>;
  session?: Partial<NonNullable<MachineFacts["session"]>> | null;
  record?: Partial<NonNullable<MachineFacts["record"]>> | null;
  fenceInUse?: number;
  busyFence?: number | null;
};

/** The machine m1 at e2b with fence 2, in use by its live session, with a row; and what is otherwise. */
function facts(change: Change): MachineFacts {
  return {
    machine: {
      provider: "e2b",
      id: "m1",
      state: "running",
      startedAt: ago(day),
      metadata: { app: "remote-claude", session: "s", fence: "2" },
      ...change.machine,
    },
    session:
      change.session === null
        ? undefined
        : { endedAt: null, sandboxProvider: "e2b", sandboxId: "m1", ...change.session },
    record:
      change.record === null
        ? undefined
        : { status: "running", usedAt: ago(day), endReason: null, ...change.record },
    fenceInUse: change.fenceInUse,
    openTasks: change.busyFence === undefined ? undefined : { busyFence: change.busyFence },
  };
}

const other = { sandboxId: "m2" };
const none = { sandboxProvider: null, sandboxId: null };
const metadata = (fence: string) => ({ metadata: { app: "remote-claude", session: "s", fence } });

describe("a listed machine", () => {
  test.each<[string, Change, string]>([
    ["in use", {}, "keep"],
    ["in use and paused", { machine: { state: "paused" }, record: { status: "paused" } }, "keep"],
    ["in use without a row", { record: null }, "note"],
    ["in use and running, recorded as paused", { record: { status: "paused" } }, "note"],
    ["in use, recorded as gone", { record: { status: "ended" } }, "note"],
    [
      "in use and unused for months (its session expires first)",
      { record: { usedAt: ago(90 * day) } },
      "keep",
    ],
    ["of a session that is over", { session: { endedAt: ago(1) } }, "end: session-ended"],
    ["whose end was asked for", { record: { status: "ending", endReason: "operator" } }, "end: operator"],
    ["of nobody, old", { session: null, record: null }, "end: session-unknown"],
    ["of nobody, 9 minutes old", { session: null, machine: { startedAt: ago(9 * minute) } }, "keep"],
    [
      "of nobody, 11 minutes old",
      { session: null, machine: { startedAt: ago(11 * minute) } },
      "end: session-unknown",
    ],
    [
      "of nobody, by a clock that is 3 minutes ahead",
      { session: null, machine: { startedAt: ago(-3 * minute) } },
      "keep",
    ],
    [
      "of nobody, by a clock that is a day ahead",
      { session: null, machine: { startedAt: ago(-day) } },
      "end: session-unknown",
    ],
    ["beside the one in use", { session: other }, "end: replaced"],
    ["beside one of the same id elsewhere", { session: { sandboxProvider: "local" } }, "end: replaced"],
    ["beside one of a later claim", { session: other, fenceInUse: 3 }, "end: old-fence"],
    ["beside one of an earlier claim", { session: other, fenceInUse: 1 }, "end: replaced"],
    ["beside the one in use, of the claim at work", { session: other, busyFence: 2, fenceInUse: 3 }, "keep"],
    ["beside the one in use, of an overtaken claim", { session: other, busyFence: 3 }, "end: replaced"],
    ["beside the one in use, while a task waits", { session: other, busyFence: null }, "end: replaced"],
    [
      "with a fence that is none",
      { session: other, machine: metadata("x"), fenceInUse: 1 },
      "end: old-fence",
    ],
    ["of a session that has none yet", { session: none, record: null }, "note"],
    ["of a session that has none, known", { session: none }, "keep"],
    [
      "of a session that has none, unused for months",
      { session: none, record: { usedAt: ago(31 * day) } },
      "end: unused",
    ],
    [
      "the same while a task is open",
      { session: none, record: { usedAt: ago(31 * day) }, busyFence: null },
      "keep",
    ],
  ])("%s", (_what, change, expected) => {
    const verdict = judgeMachine(facts(change), time);
    expect(verdict.kind === "end" ? `end: ${verdict.reason}` : verdict.kind).toBe(expected);
  });
});
